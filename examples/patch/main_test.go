package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
)

func TestAbsentNullAndValue(t *testing.T) {
	phone := "+441234567890"
	url := serve(t, newApp(&users{byID: map[int]user{7: {"Ada", "ada@example.org", &phone}}}))
	for _, c := range []struct {
		body   string
		status int
		answer string
	}{
		{`{}`, 200, `{"name":"Ada","email":"ada@example.org","phone":"+441234567890"}`},
		{`{"name":"Ada L."}`, 200, `{"name":"Ada L.","email":"ada@example.org","phone":"+441234567890"}`},
		{`{"phone":null,"email":"ada@example.com"}`, 200, `{"name":"Ada L.","email":"ada@example.com","phone":null}`},
		{`{"phone":"+15551234567"}`, 200, `{"name":"Ada L.","email":"ada@example.com","phone":"+15551234567"}`},
		{`{"name":"","email":"ada","phone":"x"}`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
			{"in":"body","pointer":"#/name","code":"min","detail":"must have at least 1 character"},
			{"in":"body","pointer":"#/email","code":"email","detail":"must be an e-mail address"},
			{"in":"body","pointer":"#/phone","code":"e164","detail":"must be a telephone number such as +4912345678"}]}`},
		{`{"email":null}`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
			{"in":"body","pointer":"#/email","code":"type","detail":"must not be null"}]}`},
		{`{"phone":7}`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
			{"in":"body","pointer":"#/phone","code":"type","detail":"must be a string"}]}`},
		{`{"phon":"+15551234567"}`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
			{"in":"body","pointer":"#/phon","code":"unknown","detail":"is unknown"}]}`},
		{`null`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
			{"in":"body","pointer":"#","code":"required","detail":"is required"}]}`},
		{`{}`, 200, `{"name":"Ada L.","email":"ada@example.com","phone":"+15551234567"}`},
	} {
		status, answer := sendPatch(t, url+"/users/7", c.body)
		require.Equal(t, c.status, status, c.body)
		require.JSONEq(t, c.answer, answer, c.body)
	}
	status, answer := sendPatch(t, url+"/users/8", `{"name":"Bob"}`)
	require.Equal(t, 404, status)
	require.JSONEq(t, `{"title":"Not Found","status":404,"detail":"no such user"}`, answer)
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

// sendPatch sends body and returns the status and the body of the answer.
func sendPatch(t *testing.T, url, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/merge-patch+json")
	request.Close = true // no idle connection to wait for at the end
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}
