package httpfield

import (
	"encoding/base64"
	"strings"
)

// ParseString returns the value of a field that is an Item whose bare item is a String
// (RFC 9651, 4.2.3 and 4.2.5), and whether it is one. Its parameters have to be well
// formed, and are left out.
func ParseString(field string) (value string, ok bool) {
	rest := strings.TrimRight(strings.TrimLeft(field, " "), " ")
	value, rest, ok = cutString(rest)
	if !ok {
		return "", false
	}
	for rest != "" {
		if rest, ok = cutParameter(rest); !ok {
			return "", false
		}
	}
	return value, true
}

// QuoteString returns s as a String (RFC 9651, 4.1.6). It may hold visible ASCII and
// spaces only.
func QuoteString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// cutString cuts a String from the beginning of s.
func cutString(s string) (value, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		return "", s, false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\':
			if i++; i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", s, false
			}
			b.WriteByte(s[i])
		case c < ' ' || c > '~':
			return "", s, false
		default:
			b.WriteByte(c)
		}
	}
	return "", s, false
}

// cutParameter cuts ;key or ;key=value from the beginning of s.
func cutParameter(s string) (rest string, ok bool) {
	if s[0] != ';' {
		return s, false
	}
	s = strings.TrimLeft(s[1:], " ")
	n := span(s, func(c byte) bool { return lower(c) || digit(c) || strings.IndexByte("_-.*", c) >= 0 })
	if n == 0 || !lower(s[0]) && s[0] != '*' {
		return s, false
	}
	if s = s[n:]; s == "" || s[0] != '=' {
		return s, true
	}
	return cutBareItem(s[1:])
}

// cutBareItem cuts a bare item of any type from the beginning of s.
func cutBareItem(s string) (rest string, ok bool) {
	if s == "" {
		return s, false
	}
	switch c := s[0]; {
	case c == '"':
		_, rest, ok = cutString(s)
		return rest, ok
	case c == '?':
		if len(s) < 2 || s[1] != '0' && s[1] != '1' {
			return s, false
		}
		return s[2:], true
	case c == ':':
		data, rest, ok := strings.Cut(s[1:], ":")
		_, err := base64.StdEncoding.DecodeString(data)
		return rest, ok && err == nil && !strings.ContainsAny(data, "\r\n")
	case c == '@':
		return cutNumber(s[1:], false)
	case c == '%':
		return cutDisplayString(s)
	case c == '-' || digit(c):
		return cutNumber(s, true)
	case c == '*' || lower(c|0x20):
		n := span(s, func(c byte) bool { return c == ':' || c == '/' || IsToken(string(c)) })
		return s[n:], true
	default:
		return s, false
	}
}

// cutNumber cuts an Integer or a Decimal.
func cutNumber(s string, decimal bool) (rest string, ok bool) {
	s = strings.TrimPrefix(s, "-")
	n := span(s, digit)
	if n == 0 || n > 15 {
		return s, false
	}
	if !decimal || len(s) == n || s[n] != '.' {
		return s[n:], true
	}
	s = s[n+1:]
	fraction := span(s, digit)
	return s[fraction:], n <= 12 && fraction >= 1 && fraction <= 3
}

// cutDisplayString cuts a Display String: %"…" with escapes of two lower-case digits.
func cutDisplayString(s string) (rest string, ok bool) {
	if !strings.HasPrefix(s, `%"`) {
		return s, false
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[i+1:], true
		case c < ' ' || c > '~':
			return s, false
		case c == '%':
			if i+2 >= len(s) || !lowerHex(s[i+1]) || !lowerHex(s[i+2]) {
				return s, false
			}
			i += 2
		}
	}
	return s, false
}

// span returns how many bytes at the beginning of s are in a class.
func span(s string, in func(byte) bool) int {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}

func lower(c byte) bool    { return 'a' <= c && c <= 'z' }
func digit(c byte) bool    { return '0' <= c && c <= '9' }
func lowerHex(c byte) bool { return digit(c) || 'a' <= c && c <= 'f' }
