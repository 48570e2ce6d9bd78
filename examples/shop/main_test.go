package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/velithontest"
)

// childEnv makes the test binary the shop itself, for the test that kills it.
const childEnv = "SHOP_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m,
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp/stackless.funcWorker"), // compresses, and never ends
	)
}

const (
	secret   = "0123456789abcdef0123456789abcdef"
	staffKey = "X-Api-Key: the key of the staff"
	page0    = "https://shop.example"
)

// A rig is a shop with its file, its log and its spans.
type rig struct {
	*velithontest.Kit
	app   *velithon.App
	shop  *shop
	log   *logBook
	spans *tracetest.InMemoryExporter
}

// start runs a shop until the test ends. change may change what it is told before.
func start(t *testing.T, change func(*config)) *rig {
	t.Helper()
	c := config{
		db: filepath.Join(t.TempDir(), "shop.db"), public: "public", origins: page0, proxies: "127.0.0.0/8",
		rate: 1000, secret: secret, staffKey: "the key of the staff", password: "the password of ops",
	}
	if change != nil {
		change(&c)
	}
	r := &rig{log: new(logBook), spans: tracetest.NewInMemoryExporter()}
	s, err := open(context.Background(), c, slog.New(slog.NewJSONHandler(r.log, nil)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.close()) })
	s.poll = time.Millisecond
	r.shop = s
	r.app = s.app(sdk.NewTracerProvider(sdk.WithSyncer(r.spans)))
	r.Kit = velithontest.New(t, r.app)
	return r
}

// claimsOf are those that the login service makes for a customer.
func claimsOf(customer string) gojwt.RegisteredClaims {
	return gojwt.RegisteredClaims{
		Issuer: "https://login.shop.example", Audience: gojwt.ClaimStrings{"shop"},
		Subject: customer, ExpiresAt: gojwt.NewNumericDate(time.Now().Add(time.Hour)),
	}
}

func sign(t *testing.T, claims gojwt.RegisteredClaims) (field string) {
	t.Helper()
	token, err := gojwt.NewWithClaims(gojwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	require.NoError(t, err)
	return "Authorization: Bearer " + token
}

func as(t *testing.T, customer string) (field string) {
	t.Helper()
	return sign(t, claimsOf(customer))
}

const twoBooks = `{"sku":"book","quantity":2}`

// order places an order of ada's, which must succeed.
func (r *rig) order(t *testing.T, fields ...string) order {
	t.Helper()
	answer := velithontest.Post[order](r.Kit, "/api/orders", twoBooks, append(fields, as(t, "ada@example.org"))...)
	require.Equal(t, 201, answer.Status, answer.Text)
	return answer.Body
}

// A logBook keeps records, which may be written at any time.
type logBook struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// records returns the records of a message.
func (l *logBook) records(t *testing.T, message string) (found []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record), line)
		if record["msg"] == message {
			found = append(found, record)
		}
	}
	return found
}
