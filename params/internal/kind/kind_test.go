package kind

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTypesWithAnArticle(t *testing.T) {
	assert.Equal(t, "an int", A(reflect.TypeFor[int]()))
	assert.Equal(t, "a uint8", A(reflect.TypeFor[uint8]()))
	assert.Equal(t, "a []int", A(reflect.TypeFor[[]int]()))
	assert.Equal(t, "an any", A(reflect.TypeFor[any]()))
	assert.Equal(t, "an error", A(reflect.TypeFor[error]()))
}

// With Go 1.27 a json.Number has a method of encoding/json/v2, which go-json does not call.
func TestANumberIsDecodedByTheCodec(t *testing.T) {
	assert.False(t, DecodesItself(Number))
}
