package middleware

import (
	"fmt"
	"net/url"
	"strings"
)

// origins is a set of origins as browsers send them (RFC 6454, section 6.2), each with
// its bytes.
type origins map[string][]byte

// newOrigins panics where a text is no origin that a browser would send.
func newOrigins(option string, list []string) origins {
	o := make(origins)
	for _, text := range list {
		u, err := url.Parse(text)
		if err != nil || u.Scheme == "" || u.Host == "" || text != u.Scheme+"://"+u.Host || text != strings.ToLower(text) ||
			strings.ContainsAny(u.Host, "*, ") ||
			u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
			panic(fmt.Sprintf("velithon: %s: %q is no origin that a browser sends: want scheme://host or scheme://host:port, in lower case, without a path, a wildcard and the scheme's own port", option, text))
		}
		o[text] = []byte(text)
	}
	return o
}
