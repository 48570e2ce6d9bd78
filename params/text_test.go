package params_test

import (
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

func TestWordsOfRules(t *testing.T) {
	for _, c := range []struct {
		typ        any
		rule, sent string
		want       string
	}{
		{"", "min=3", `"ab"`, "must have at least 3 characters"},
		{"", "max=3", `"abcd"`, "must have at most 3 characters"},
		{"", "len=3", `"ab"`, "must have exactly 3 characters"},
		{0, "gte=3", `2`, "must be at least 3"},
		{0, "lte=3", `4`, "must be at most 3"},
		{0, "gt=3", `3`, "must be more than 3"},
		{0, "lt=3", `3`, "must be less than 3"},
		{0, "len=3", `4`, "must be equal to 3"},
		{0.5, "max=0.5", `0.6`, "must be at most 0.5"},
		{time.Duration(0), "max=1m", `3600000000000`, "must be at most 1m"},
		{[]int{}, "min=1", `[]`, "must have at least 1 item"},
		{[]int{}, "unique", `[1,1]`, "must not hold a value twice"},
		{map[string]int{}, "max=1", `{"a":1,"b":2}`, "must have at most 1 item"},
		{time.Time{}, "gt", `"2001-01-01T00:00:00Z"`, "must be later than now"},
		{time.Time{}, "gte", `"2001-01-01T00:00:00Z"`, "must not be before now"},
		{time.Time{}, "lt", `"3001-01-01T00:00:00Z"`, "must be before now"},
		{time.Time{}, "lte", `"3001-01-01T00:00:00Z"`, "must not be later than now"},
		{"", "eq=a", `"b"`, "must be a"},
		{"", "ne=a", `"a"`, "must not be a"},
		{"", "oneof=a b", `"c"`, "must be one of: a, b"},
		{"", "eqfield=B", `"c"`, "must equal B"},
		{"", "nefield=B", `""`, "must differ from B"},
		{"", "required_without=B", `""`, "is required here"},
		{"", "email", `"x"`, "must be an e-mail address"},
		{"", "uuid4", `"x"`, "must be a UUID of version 4"},
		{"", "startswith=ab", `"x"`, "does not satisfy startswith=ab"},
		{"", "isbn", `"x"`, "does not satisfy isbn"},
		{"", "email|url", `"x"`, "does not satisfy email|url"},
	} {
		input := reflect.StructOf([]reflect.StructField{
			{Name: "A", Type: reflect.TypeOf(c.typ), Tag: reflect.StructTag(`json:"a" validate:` + strconv.Quote(c.rule))},
			{Name: "B", Type: reflect.TypeFor[string]()},
		})
		plan, err := params.Compile(input, params.Options{})
		require.NoError(t, err, c.rule)
		err = plan.Decode(request{body: `{"a":` + c.sent + `}`}.ctx(), reflect.New(input).Interface())
		invalid := asError(t, err)
		require.Len(t, invalid.Faults, 1, c.rule)
		assert.Equal(t, c.want, invalid.Faults[0].Detail, c.rule)
	}
}
