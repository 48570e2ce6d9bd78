package params

import (
	"github.com/velithon-go/velithon/params/internal/memory"
)

// cookies reads the cookies. Of several cookies with one name, a param of one value
// takes the first. Browsers send a cookie for each path and domain that set it, the
// one with the longest path first (RFC 6265, 5.4), so this is no fault of the client.
func (d *decoding) cookies() {
	pos := 0
	for key, value := range d.raw.Request.Header.Cookies() {
		var p *param
		if p, pos = d.plan.cookie.find(key, pos); p != nil && (p.many || !d.seen.Has(p.order)) {
			d.store(p, memory.Text(value))
		}
	}
}
