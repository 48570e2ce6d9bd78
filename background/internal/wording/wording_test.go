package wording

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type thing string

func (t thing) Name() string { return string(t) }

// numbered returns n things, of which so many at a time have one name.
func numbered(n, alike int) (all []thing) {
	for i := range n {
		all = append(all, thing(fmt.Sprint(i/alike)))
	}
	return all
}

func TestCount(t *testing.T) {
	assert.Equal(t, "0 tasks", Count(0, "task"))
	assert.Equal(t, "1 task", Count(1, "task"))
	assert.Equal(t, "2 tasks", Count(2, "task"))
}

func TestQuoted(t *testing.T) {
	ten := `"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"`
	assert.Empty(t, Quoted(nil))
	assert.Equal(t, `"a \"b\""`, Quoted([]string{`a "b"`}))
	assert.Equal(t, ten, Quoted(Names(numbered(10, 1))))
	assert.Equal(t, ten+" and 1 more", Quoted(Names(numbered(11, 1))))
	assert.Equal(t, `; 2 lost: "0", "1"`, Clause("lost", Names(numbered(2, 1))))
	assert.Empty(t, Clause("lost", nil))
}

func TestSummary(t *testing.T) {
	names, more := Summary(numbered(50, 1))
	assert.Equal(t, Names(numbered(50, 1)), names)
	assert.Zero(t, more)

	all := numbered(1000, 2)
	all[1], all[40] = all[40], all[1] // those of one name need not stand together
	names, more = Summary(append(all, "7", "800"))
	assert.Len(t, names, 50)
	assert.Equal(t, []string{"0 (2 times)", "20 (2 times)", "1 (2 times)", "7 (3 times)"}, []string{names[0], names[1], names[2], names[8]})
	assert.Equal(t, 1000-100+1, more)

	names, more = Summary[thing](nil)
	assert.Empty(t, names)
	assert.Zero(t, more)
}
