package recordable

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type letter struct {
	To      string
	Copies  []string `json:"copies,omitempty"`
	Subject *string
	Due     time.Time
}

type (
	secret   struct{ Name, password string }
	inner    struct{ Callback func() }
	callback struct{ List []map[string]inner }
	half     struct{ n int }
	node     struct {
		Next     *node
		Children map[int]node
	}
	hiding struct {
		letter
		To int
	}
	first  struct{ X int }
	second struct{ X int }
	same   struct {
		first
		second
	}
	onlyInAddressed struct{ n int }
	addressed       struct{ ByName map[string]onlyInAddressed }
	event           struct {
		time.Time
		ID int
	}
	address struct {
		*netip.Addr
		Port int
	}
	ownEvent struct {
		time.Time
		ID int
	}
	onlyTime struct{ time.Time }
	keyed    string
	skipped  struct {
		Name string
		Log  func() `json:"-"`
	}
)

func (ownEvent) MarshalJSON() ([]byte, error)         { return []byte("1"), nil }
func (*ownEvent) UnmarshalJSON([]byte) error          { return nil }
func (keyed) MarshalText() ([]byte, error)            { return nil, nil }
func (*keyed) UnmarshalText([]byte) error             { return nil }
func (half) MarshalJSON() ([]byte, error)             { return nil, nil }
func (*onlyInAddressed) MarshalJSON() ([]byte, error) { return []byte("1"), nil }
func (*onlyInAddressed) UnmarshalJSON([]byte) error   { return nil }

func TestCheck(t *testing.T) {
	for want, argument := range map[string]reflect.Type{
		`secret.password is not exported, so it would be lost: export it, or give its type MarshalJSON and UnmarshalJSON`:                                                        reflect.TypeFor[secret](),
		`callback.List[][].Callback is a func(), which JSON can't keep`:                                                                                                          reflect.TypeFor[callback](),
		`the argument is a chan int, which JSON can't keep`:                                                                                                                      reflect.TypeFor[chan int](),
		`the argument is a complex128, which JSON can't keep`:                                                                                                                    reflect.TypeFor[complex128](),
		`the argument is an interface, interface {}, of whose values JSON does not keep the type`:                                                                                reflect.TypeFor[any](),
		`the argument, recordable.half, has MarshalJSON and no UnmarshalJSON`:                                                                                                    reflect.TypeFor[half](),
		`the argument, recordable.event, has the MarshalJSON of a field that is embedded, so the others would be lost: give that field a name, or the type methods of its own`:   reflect.TypeFor[event](),
		`the argument, recordable.address, has the MarshalText of a field that is embedded, so the others would be lost: give that field a name, or the type methods of its own`: reflect.TypeFor[address](),
		`the key of the argument is a recordable.keyed, which JSON writes as it is and reads by its UnmarshalText`:                                                               reflect.TypeFor[map[keyed]int](),
		`hiding.To hides hiding.letter.To, which would be lost`:                                                                                                                  reflect.TypeFor[hiding](),
		`same.second.X and same.first.X are both "X" in JSON, so they would be lost`:                                                                                             reflect.TypeFor[same](),
		`the key of the argument is a float64, which JSON can't keep`:                                                                                                            reflect.TypeFor[map[float64]int](),
		`addressed.ByName[], recordable.onlyInAddressed, has MarshalJSON on its pointer only, which JSON does not ask for the values of a map`:                                   reflect.TypeFor[addressed](),
	} {
		assert.EqualError(t, Check(argument), want)
	}
	for _, argument := range []reflect.Type{reflect.TypeFor[node](), reflect.TypeFor[letter](), reflect.TypeFor[skipped](), reflect.TypeFor[ownEvent](), reflect.TypeFor[onlyTime](), reflect.TypeFor[*letter](), reflect.TypeFor[onlyInAddressed](), reflect.TypeFor[[]byte](), reflect.TypeFor[struct{}](), reflect.TypeFor[map[time.Duration][3]bool](), reflect.TypeFor[json.RawMessage]()} {
		assert.NoError(t, Check(argument))
	}
}

// TestRead: null is nothing but what is written as it.
func TestRead(t *testing.T) {
	read, err := Read[letter]([]byte(`{"To":"ada"}`))
	assert.Equal(t, letter{To: "ada"}, read)
	assert.NoError(t, err)
	_, err = Read[letter]([]byte(" null\n"))
	assert.EqualError(t, err, "the argument is null")
	_, err = Read[int]([]byte("null"))
	assert.EqualError(t, err, "the argument is null")
	pointer, err := Read[*letter]([]byte(" null\n"))
	assert.Nil(t, pointer)
	assert.NoError(t, err)
	_, err = Read[int]([]byte(`"1"`))
	assert.EqualError(t, err, "json: cannot unmarshal string into Go value of type int")
}
