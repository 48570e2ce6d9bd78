package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
)

const (
	secret = "s3cret"
	paid   = `{"id":"evt_1","type":"order.paid"}`
	denied = `{"title":"Unauthorized","status":401,"detail":"the signature in X-Signature is not that of the body, or too old"}`
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func newTestApp(log *log.Logger) *velithon.App {
	return newApp(&inbox{taken: map[string]bool{}, log: log}, []byte(secret), func() time.Time { return noon })
}

func TestSignedEventsAreTakenOnce(t *testing.T) {
	var text bytes.Buffer
	app := newTestApp(log.New(&text, "", 0))
	url := serve(t, app)
	for range 2 { // the sender has not seen the first answer
		status, answer := post(t, url+"/hooks", "application/json", sign(noon, secret, paid), paid)
		require.Equal(t, 204, status, answer)
	}
	status, _ := post(t, url+"/hooks", "application/json", sign(noon.Add(-tolerance), secret, paid), paid)
	require.Equal(t, 204, status)
	require.NoError(t, app.Shutdown(context.Background()))
	require.Equal(t, "evt_1: order.paid\n", text.String())
}

func TestWrongSignatures(t *testing.T) {
	var text bytes.Buffer
	app := newTestApp(log.New(&text, "", 0))
	url := serve(t, app)
	good := sign(noon, secret, paid)
	for name, signature := range map[string]string{
		"none":               "",
		"empty":              "t=,v1=",
		"of another body":    sign(noon, secret, paid+" "),
		"of another secret":  sign(noon, "secret", paid),
		"too old":            sign(noon.Add(-tolerance-time.Second), secret, paid),
		"of the future":      sign(noon.Add(tolerance+time.Second), secret, paid),
		"with another time":  strings.Replace(good, "t=17", "t=18", 1),
		"without a time":     strings.TrimPrefix(good, fmt.Sprintf("t=%d,", noon.Unix())),
		"of another version": strings.Replace(good, "v1=", "v0=", 1),
		"cut off":            good[:len(good)-2],
		"no hexadecimal":     fmt.Sprintf("t=%d,v1=x", noon.Unix()),
	} {
		status, answer := post(t, url+"/hooks", "application/json", signature, paid)
		require.Equal(t, 401, status, name)
		require.JSONEq(t, denied, answer, name)
	}
	// The same values in other bytes are not what was signed.
	status, _ := post(t, url+"/hooks", "application/json", good, strings.Replace(paid, ":", ": ", 1))
	require.Equal(t, 401, status)
	require.NoError(t, app.Shutdown(context.Background()))
	require.Empty(t, text.String())
}

func TestSignedNonsenseIsRefused(t *testing.T) {
	url := serve(t, newTestApp(log.New(io.Discard, "", 0)))
	const nonsense = `{"id":""}`
	status, answer := post(t, url+"/hooks", "application/json", sign(noon, secret, nonsense), nonsense)
	require.Equal(t, 422, status)
	require.JSONEq(t, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
		{"in":"body","pointer":"#/type","code":"required","detail":"is required"},
		{"in":"body","pointer":"#/id","code":"min","detail":"must have at least 1 character"}]}`, answer)
}

func TestBodiesOfAnyType(t *testing.T) {
	var text bytes.Buffer
	app := newTestApp(log.New(&text, "", 0))
	url := serve(t, app)
	const body = "a=1&b=%zz\x00"
	status, answer := post(t, url+"/hooks/raw", "text/x-odd", sign(noon, secret, body), body)
	require.Equal(t, 204, status, answer)
	require.NoError(t, app.Shutdown(context.Background()))
	require.Equal(t, "10 bytes of text/x-odd\n", text.String())
}

// sign returns the header field of a sender.
func sign(at time.Time, secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(fmt.Appendf(nil, "%d.%s", at.Unix(), body))
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// serve runs app on a free port until the test ends, and returns its URL.
func serve(t *testing.T, app *velithon.App) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, app.Shutdown(ctx))
		require.NoError(t, <-served)
	})
	return "http://" + listener.Addr().String()
}

// post sends body with a signature and returns the status and the body of the answer.
func post(t *testing.T, url, contentType, signature, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", contentType)
	if signature != "" {
		request.Header.Set("X-Signature", signature)
	}
	request.Close = true // no idle connection to wait for at the end
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}
