package params

import (
	"github.com/velithon-go/velithon/params/internal/memory"
)

// cookies reads the cookies. Of several with one name the first counts for a
// field of one value: browsers send one for each path and domain that they have
// it from, that with the longest path first (RFC 6265, 5.4), and a client can't
// help it.
func (d *decoding) cookies() {
	pos := 0
	for key, value := range d.raw.Request.Header.Cookies() {
		var p *param
		if p, pos = d.plan.cookie.find(key, pos); p != nil && (p.many || !d.seen.Has(p.order)) {
			d.store(p, memory.Text(value))
		}
	}
}
