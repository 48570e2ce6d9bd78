package params

import (
	"bytes"
	"strings"

	"github.com/velithon-go/velithon/params/internal/memory"
)

// headers reads the header fields. A header field on several lines is the list of
// the values of these lines (RFC 9110, 5.3). A param of one value gets the list as
// one text, joined by commas, if that converts. So nothing is lost if a proxy adds a
// line to X-Forwarded-For, and no line counts more than another.
func (d *decoding) headers() {
	for _, p := range d.plan.header.params {
		values := d.raw.Request.Header.PeekAll(p.name)
		if len(values) > 1 && !p.many {
			d.seen.Add(p.order)
			if err := p.set(d.at(p), string(bytes.Join(values, []byte(", ")))); err != nil {
				d.fault(p, CodeDuplicate, "must be given once")
			}
			continue
		}
		for _, value := range values {
			d.store(p, memory.Text(value))
		}
	}
}

// isToken reports whether a name is a token of RFC 9110, section 5.6.2.
func isToken(name string) bool {
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("()<>@,;:\\\"/[]?={}", c) >= 0 {
			return false
		}
	}
	return true
}
