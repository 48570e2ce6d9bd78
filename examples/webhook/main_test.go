package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/velithontest"
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
	kit := velithontest.New(t, newTestApp(log.New(&text, "", 0)))
	for range 2 { // the sender has not seen the first answer
		answer := velithontest.Post[any](kit, "/hooks", paid, "X-Signature: "+sign(noon, secret, paid))
		require.Equal(t, 204, answer.Status, answer.Text)
	}
	require.Equal(t, 204, velithontest.Post[any](kit, "/hooks", paid, "X-Signature: "+sign(noon.Add(-tolerance), secret, paid)).Status)
	kit.Wait()
	require.Equal(t, "evt_1: order.paid\n", text.String())
}

func TestWrongSignatures(t *testing.T) {
	var text bytes.Buffer
	kit := velithontest.New(t, newTestApp(log.New(&text, "", 0)))
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
		var fields []string
		if signature != "" {
			fields = append(fields, "X-Signature: "+signature)
		}
		answer := velithontest.Post[any](kit, "/hooks", paid, fields...)
		require.Equal(t, 401, answer.Status, name)
		require.JSONEq(t, denied, answer.Text, name)
	}
	// The same values in other bytes are not what was signed.
	require.Equal(t, 401, velithontest.Post[any](kit, "/hooks", strings.Replace(paid, ":", ": ", 1), "X-Signature: "+good).Status)
	kit.Wait()
	require.Empty(t, text.String())
}

func TestSignedNonsenseIsRefused(t *testing.T) {
	kit := velithontest.New(t, newTestApp(log.New(io.Discard, "", 0)))
	const nonsense = `{"id":""}`
	answer := velithontest.Post[any](kit, "/hooks", nonsense, "X-Signature: "+sign(noon, secret, nonsense))
	require.Equal(t, 422, answer.Status)
	require.JSONEq(t, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
		{"in":"body","pointer":"#/type","code":"required","detail":"is required"},
		{"in":"body","pointer":"#/id","code":"min","detail":"must have at least 1 character"}]}`, answer.Text)
}

func TestBodiesOfAnyType(t *testing.T) {
	var text bytes.Buffer
	kit := velithontest.New(t, newTestApp(log.New(&text, "", 0)))
	const body = "a=1&b=%zz\x00"
	answer := velithontest.Post[any](kit, "/hooks/raw", body, "Content-Type: text/x-odd", "X-Signature: "+sign(noon, secret, body))
	require.Equal(t, 204, answer.Status, answer.Text)
	kit.Wait()
	require.Equal(t, "10 bytes of text/x-odd\n", text.String())
}

// sign returns what the header field of a sender says.
func sign(at time.Time, secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(fmt.Appendf(nil, "%d.%s", at.Unix(), body))
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}
