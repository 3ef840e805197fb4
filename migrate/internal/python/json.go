package python

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDigits bounds whole numbers as Python does by default: reading one takes
// time that grows with the square of its length.
const maxDigits = 4300

// Numbers that no encoder writes stand for those that JSON has not, while
// encoding/json reads the text.
const (
	notANumber = "0e-999999991"
	infinity   = "0e-999999992"
)

// DecodeJSON decodes one value as json.loads does, NaN and Infinity included. The
// result consists of nil, bool, string, []any, map[string]any, int64 or, if the
// number is larger, *big.Int, and float64. Half of a surrogate pair, which is no
// text, becomes U+FFFD.
func DecodeJSON(text []byte) (any, error) {
	return decodeJSON(nameNumbers(text))
}

// DecodeStrictJSON is DecodeJSON for what was not written by Python.
func DecodeStrictJSON(text []byte) (any, error) {
	return decodeJSON(text)
}

func decodeJSON(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("JSON is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("JSON does not parse: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("JSON is followed by something else")
	}
	return numbers(v)
}

// nameNumbers replaces NaN and Infinity outside strings.
func nameNumbers(text []byte) []byte {
	if !bytes.Contains(text, []byte("NaN")) && !bytes.Contains(text, []byte("Infinity")) {
		return text
	}
	out := make([]byte, 0, len(text)+16)
	for len(text) > 0 {
		n := 1
		if text[0] == '"' {
			n = stringLen(text)
		} else if word := len(text) - len(bytes.TrimLeft(text, wordChars)); word > 0 {
			n = word
		}
		switch word := string(text[:n]); word {
		case "NaN":
			out = append(out, notANumber...)
		case "Infinity":
			out = append(out, infinity...)
		case "-Infinity":
			out = append(out, "-"+infinity...)
		default:
			out = append(out, word...)
		}
		text = text[n:]
	}
	return out
}

// wordChars are what numbers and names are made of.
const wordChars = "+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// stringLen returns the length of the string at the start of text, with its quotes.
func stringLen(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// numbers replaces what stands for a number by the number, in place.
func numbers(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		return number(v.String())
	case []any:
		for i := range v {
			if v[i], err = numbers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = numbers(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func number(text string) (any, error) {
	switch text {
	case notANumber:
		return math.NaN(), nil
	case infinity:
		return math.Inf(1), nil
	case "-" + infinity:
		return math.Inf(-1), nil
	}
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, fmt.Errorf("JSON does not parse: %w", err)
		}
		return f, nil // one that is too large is infinite, as in Python
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, nil
	}
	if len(text) > maxDigits {
		return nil, fmt.Errorf("a number has more than %d digits", maxDigits)
	}
	i, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return nil, errors.New("JSON does not parse: not a number")
	}
	return i, nil
}
