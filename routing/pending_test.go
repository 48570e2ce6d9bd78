package routing

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Requests that share a slot come and go in any order, and each is found as long as
// it is there. The reference is a set.
func TestPendingHasWhatIsThere(t *testing.T) {
	var p pending
	requests := make([]*request, 5)
	for i := range requests {
		requests[i] = &request{number: uint64(i%2*64) << 32} // of two connections that share a slot
	}
	there := make(map[*request]bool)
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		r := requests[random.IntN(len(requests))]
		switch {
		case there[r]:
			p.remove(r)
			delete(there, r)
		case random.IntN(3) > 0:
			p.add(r)
			there[r] = true
		default:
			p.remove(r) // which does nothing
		}
		all := p.all()
		assert.Len(t, all, len(there))
		for _, r := range all {
			assert.True(t, there[r])
		}
		assert.Equal(t, len(there) == 0, p.isEmpty(r.connection()))
	}
}
