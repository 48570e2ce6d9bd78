package expiring

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestValuesAreForgotten after they have ended, each in its time, and not before.
func TestValuesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := Map[string, int]{Keep: time.Minute}
		found := func() (keys []string) {
			for key, want := range map[string]int{"a": 1, "b": 2, "c": 3} {
				if value, ok := m.Get(key); ok {
					assert.Equal(t, want, value)
					keys = append(keys, key)
				}
			}
			return keys
		}
		assert.Empty(t, found())
		m.Add("a", 1)
		m.Add("b", 2)
		m.Add("c", 3)
		time.Sleep(time.Hour)
		m.End("b")
		time.Sleep(time.Second)
		m.End("a")
		time.Sleep(time.Minute - time.Second - 1)
		assert.ElementsMatch(t, []string{"a", "b", "c"}, found())
		time.Sleep(time.Nanosecond)
		assert.ElementsMatch(t, []string{"a", "c"}, found())
		time.Sleep(time.Second)
		assert.ElementsMatch(t, []string{"c"}, found())
	})
}

// TestAnyCallForgets: what nobody asks for goes with the next that comes or ends.
func TestAnyCallForgets(t *testing.T) {
	for name, call := range map[string]func(*Map[string, int]){
		"Add": func(m *Map[string, int]) { m.Add("other", 0) },
		"End": func(m *Map[string, int]) { m.End("goes on") },
		"Get": func(m *Map[string, int]) { m.Get("other") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := Map[string, int]{Keep: time.Minute}
				m.Add("goes on", 1)
				m.Add("ends", 2)
				m.End("ends")
				time.Sleep(time.Minute)
				assert.Contains(t, m.values, "ends")
				call(&m)
				assert.NotContains(t, m.values, "ends")
				assert.Contains(t, m.values, "goes on")
			})
		})
	}
}
