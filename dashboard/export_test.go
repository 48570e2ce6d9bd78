package dashboard

import "github.com/velithon-go/velithon/routing"

// What tests call.
var (
	Took   = took
	Ago    = ago
	Number = numberOf
	Clean  = clean
	Cut    = cut
)

// Forget has the page of a router make all anew.
func Forget(r *routing.Router) {
	for _, rt := range r.Routes() {
		if p, ok := rt.Annotation(marked{}).(*page); ok {
			p.views.forget()
			return
		}
	}
}
