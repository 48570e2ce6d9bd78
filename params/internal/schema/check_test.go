package schema

import (
	"reflect"
	"testing"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A client may find two places with the same hash, and leave out the value of one
// that need not be sent.
func TestAPlaceWithTheHashOfAnother(t *testing.T) {
	type item struct {
		N int `validate:"min=1"`
	}
	typ := reflect.TypeFor[item]()
	compiled := func(tag string) *rules.Rules {
		r, err := rules.NewCompiler(validator.New()).Compile(tag, typ, nil)
		require.NoError(t, err)
		return r
	}
	at := func(i item) memory.Pointer { return memory.Of(reflect.ValueOf(&i)) }
	var c checker
	assert.False(t, c.isSettled(compiled("omitempty"), typ, at(item{})))
	c.leave()
	assert.True(t, c.isSettled(compiled("omitempty"), typ, at(item{})))
	assert.False(t, c.isSettled(compiled("omitempty"), typ, at(item{-5})))
	assert.False(t, c.isSettled(compiled("required"), typ, at(item{})))
	assert.False(t, c.isSettled(nil, typ, at(item{})))
	c.tell(rules.Lacking(nil))
	c.leave()
	assert.True(t, c.isSettled(nil, typ, at(item{-5})))
}
