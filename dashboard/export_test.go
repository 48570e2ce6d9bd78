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

// Samples returns how many samples the page of a router keeps.
func Samples(r *routing.Router) int {
	for _, rt := range r.Routes() {
		if p, ok := rt.Annotation(marked{}).(*page); ok {
			return len(p.history.samples)
		}
	}
	return 0
}

// Views returns how many views the page of a router keeps.
func Views(r *routing.Router) int {
	for _, rt := range r.Routes() {
		if p, ok := rt.Annotation(marked{}).(*page); ok {
			p.views.mu.Lock()
			defer p.views.mu.Unlock()
			return len(p.views.all)
		}
	}
	return 0
}

// Forget has the page of a router make all anew.
func Forget(r *routing.Router) {
	for _, rt := range r.Routes() {
		if p, ok := rt.Annotation(marked{}).(*page); ok {
			p.views.forget()
			return
		}
	}
}
