package durable

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTheEnginesLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		plain := slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})
		log := slog.New(engineLog{plain, new(recent)}).With("a", 1).WithGroup("g")
		for range 30 {
			log.Info("a task errored", "b", 2)
			log.Error("no connection", "b", 2)
			time.Sleep(time.Second)
		}
		log.Warn("another", "b", 2)
		const again = "level=ERROR msg=\"no connection\" a=1 g.b=2\n"
		assert.Equal(t, again+again+again+"level=WARN msg=another a=1 g.b=2\n", out.String())
	})
}
