// Package httpfield knows the grammar of HTTP header fields.
package httpfield

import "strings"

// IsToken reports whether s is a token (RFC 9110, 5.6.2), such as the name of a
// header field.
func IsToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
