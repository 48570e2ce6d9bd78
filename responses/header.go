package responses

import (
	"fmt"
	"strings"

	"github.com/valyala/fasthttp"
)

// Header holds further fields of a response: a name, in any case, and its
// values, one line each. The zero value holds none.
//
// Writing a response checks every field and refuses the response, naming the
// field but never its value, where a name is not a token or a value holds a
// control character (RFC 9110, section 5). So no value, wherever it comes from,
// can add a line of its own. Blanks around a value are cut off.
//
// A field replaces one of the same name that was set before, by a middleware or
// by the kind of response (Content-Type); Set-Cookie and Vary are added to those.
//
// In Location and Content-Location what a URI must not hold is percent-encoded.
//
// Connection, Content-Length, Date, Trailer and Transfer-Encoding belong to the
// server and are refused.
type Header map[string][]string

// check reports the first field that must not be sent.
func (h Header) check() error {
	if len(h) == 0 { // ranging over a nil map is not free, and most responses have one
		return nil
	}
	for name, values := range h {
		if !isToken(name) {
			return fmt.Errorf("responses: header name %q is not a token", name)
		}
		if isServerField(name) {
			return fmt.Errorf("responses: header %s is set by the server", name)
		}
		for _, value := range values {
			if err := checkValue(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// apply sets the fields of h, which check has passed, on header.
func (h Header) apply(header *fasthttp.ResponseHeader) {
	if len(h) == 0 {
		return
	}
	for name, values := range h {
		isURI := isURIField(name)
		for i, value := range values {
			value = strings.Trim(value, " \t")
			if isURI {
				value = asciiURI(value)
			}
			if i == 0 && !strings.EqualFold(name, fasthttp.HeaderVary) {
				header.Set(name, value) // adds a Set-Cookie, replaces all others
			} else {
				header.Add(name, value)
			}
		}
	}
}

// value returns the first value of a field, "" when h does not have it.
func (h Header) value(name string) string {
	for key, values := range h {
		if len(values) > 0 && strings.EqualFold(key, name) {
			return strings.Trim(values[0], " \t")
		}
	}
	return ""
}

// isServerField reports whether only the server sets the field: those that
// frame the message, and those that fasthttp takes for its own and would drop
// without a word.
func isServerField(name string) bool {
	for _, field := range [...]string{
		fasthttp.HeaderConnection,
		fasthttp.HeaderContentLength,
		fasthttp.HeaderDate,
		fasthttp.HeaderTrailer,
		fasthttp.HeaderTransferEncoding,
	} {
		if strings.EqualFold(name, field) {
			return true
		}
	}
	return false
}

// checkValue reports a value that must not be sent as the field name. It is
// stricter than RFC 9110, which forbids CR, LF and NUL: no control character
// but the tab has a use in a field, and some proxies take others for line ends.
func checkValue(name, value string) error {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return fmt.Errorf("responses: value of header %s holds the control character %q", name, c)
		}
	}
	return nil
}

// isToken reports whether name is a token of RFC 9110, section 5.6.2.
func isToken(name string) bool {
	for i := range len(name) {
		if !isTokenByte(name[i]) {
			return false
		}
	}
	return name != ""
}

func isTokenByte(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
