package durable

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/background"
)

// The names of queues are stored with tasks: another version has to find them.
func TestQueuesOfLimitedKinds(t *testing.T) {
	for name, want := range map[string]string{
		"send_mail":              "limited-send_mail",
		"a-1":                    "limited-a-1",
		"Send.Mail":              "limited-send-mail-d390f039",
		"mail.":                  "limited-mail-76820d4c",
		"a--b":                   "limited-a-b-11ddc052",
		strings.Repeat("a", 42):  "limited-" + strings.Repeat("a", 42),
		strings.Repeat("a", 43):  "limited-" + strings.Repeat("a", 42) + "-f3540f52",
		strings.Repeat("a.", 60): "limited-" + strings.Repeat("a-", 20) + "a-ba504cfd",
	} {
		k := &kind{kindWithOptions: kindWithOptions{Kind: background.Define(name, func(context.Context, int) error { return nil })}}
		assert.Equal(t, want, k.queue(), name)
		assert.Regexp(t, queueName, k.queue(), name)
		assert.LessOrEqual(t, len(k.queue()), 64, name)
	}
}

// The next time is the first one after t that is a phase after a multiple of d, for all
// processes the same.
func TestTimesOfEvery(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	phases := make(map[time.Duration]bool)
	for range 1000 {
		d := 1 + time.Duration(random.Int64N(50))
		name := string([]byte{byte('a' + random.IntN(26)), byte('a' + random.IntN(26))})
		s := steady{d, phase(name, d)}
		now := time.Unix(1_800_000_000, random.Int64N(1000))
		want := now.Add(1)
		for !want.Add(-s.phase).Truncate(d).Equal(want.Add(-s.phase)) {
			want = want.Add(1)
		}
		assert.Equal(t, want, s.Next(now), "every %d from %d", d, now.UnixNano())
		assert.Less(t, s.phase, d)
		phases[phase(name, time.Hour).Truncate(time.Minute)] = true
	}
	assert.Greater(t, len(phases), 50, "not all at once")
}
