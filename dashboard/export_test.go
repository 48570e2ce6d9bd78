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

// pageOf returns the page of a router.
func pageOf(r *routing.Router) *page {
	for _, rt := range r.Routes() {
		if p, ok := rt.Annotation(marked{}).(*page); ok {
			return p
		}
	}
	return nil
}

// Samples returns how many samples the page of a router keeps.
func Samples(r *routing.Router) int {
	h := &pageOf(r).history
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.samples)
}

// Views returns how many views the page of a router keeps.
func Views(r *routing.Router) int {
	v := &pageOf(r).views
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.all)
}

// Forget has the page of a router make all anew.
func Forget(r *routing.Router) { pageOf(r).views.forget() }
