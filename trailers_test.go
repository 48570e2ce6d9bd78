package velithon_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
)

// A proxy takes away the fields that only it may set, and passes trailers on.
func TestTrailersAreNoFields(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	type fields struct {
		User  string `header:"X-User"`
		Trace string `header:"X-Trace"`
		Agent string `header:"User-Agent"`
		Body  any    `body:""`
	}
	app.Post("/", func(_ context.Context, in fields) (fields, error) { return in, nil })
	address := serve(t, app)
	const header = "POST / HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nX-Trace: sent\r\n"
	for name, test := range map[string]struct{ send, agent string }{
		"trailers":                 {header + "\r\n2\r\n{}\r\n0\r\nX-User: admin\r\nx-trace: other\r\nUser-Agent: other\r\n\r\n", ""},
		"trailers without a body":  {header + "\r\n0\r\nX-User: admin\r\nX-Trace: other\r\n\r\n", ""},
		"announced trailers":       {header + "Trailer: X-User, X-Trace, User-Agent\r\nUser-Agent: first\r\n\r\n2\r\n{}\r\n0\r\nX-User: admin\r\nX-Trace: other\r\nUser-Agent: other\r\n\r\n", "first"},
		"as many as may be":        {header + "Trailer: X-Trace, X-User," + names(62, ",") + "\r\n\r\n2\r\n{}\r\n0\r\nX-User: admin\r\n" + names(62, ": y\r\n") + "\r\n", ""},
		"trailers that never came": {header + "Trailer: X-User, X-Trace, User-Agent\r\nUser-Agent: first\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "first"},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := send(t, address, test.send)
			require.Equal(t, 200, response.StatusCode, body)
			var got fields
			require.NoError(t, json.Unmarshal([]byte(body), &got))
			assert.Empty(t, got.User)
			assert.Equal(t, "sent", got.Trace)
			assert.Equal(t, test.agent, got.Agent)
		})
	}
}

// names returns the names of n fields, each with an end.
func names(n int, end string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("X-" + itoa(i) + end)
	}
	return b.String()
}
