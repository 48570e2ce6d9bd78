package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/routing"
)

func newService() *service {
	return &service{
		users: map[[sha256.Size]byte]user{
			sha256.Sum256([]byte("secret")): {Name: "ada", Admin: true},
			sha256.Sum256([]byte("other")):  {Name: "bob"},
		},
		notes: map[int]string{1: "buy milk"},
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	s := newService()
	url := serve(t, newApp(s))
	for _, c := range []struct {
		method, path, token string
		status              int
	}{
		{"GET", "/health", "", 200},
		{"GET", "/api/me", "", 401},
		{"GET", "/api/me", "wrong", 401},
		{"GET", "/api/me", "other", 200},
		{"GET", "/api/notes", "", 401}, // has no field for the user
		{"GET", "/api/notes", "other", 200},
		{"DELETE", "/api/notes/x", "", 401}, // and not 422
		{"DELETE", "/api/notes/1", "other", 403},
		{"DELETE", "/api/notes/x", "secret", 422},
		{"DELETE", "/api/notes/1", "secret", 204},
	} {
		response := send(t, c.method, url+c.path, c.token)
		require.Equal(t, c.status, response.StatusCode, "%s %s with %q", c.method, c.path, c.token)
		require.Equal(t, c.status == 401, response.Header.Get("WWW-Authenticate") == `Bearer realm="token"`)
	}
	require.Empty(t, s.notes)
}

// The page and the document are for all, and say who gets in where.
func TestTheDocumentSaysWhoGetsIn(t *testing.T) {
	app := newApp(newService())
	text, err := openapi.Document(app.Routes(), openapi.Info{Title: "Notes", Version: "1.0.0"})
	require.NoError(t, err)
	url := serve(t, app)
	require.Equal(t, 200, send(t, "GET", url+"/docs", "").StatusCode)
	require.Equal(t, 200, send(t, "GET", url+"/openapi.json", "").StatusCode)
	type operation struct {
		Security   []map[string][]string
		Parameters []struct{ Name string }
		Responses  map[string]any
	}
	var document struct {
		Paths      map[string]map[string]operation
		Components struct {
			SecuritySchemes map[string]map[string]string
		}
	}
	require.NoError(t, json.Unmarshal(text, &document))
	require.Equal(t, map[string]map[string]string{"token": {"type": "http", "scheme": "bearer"}}, document.Components.SecuritySchemes)
	notes := document.Paths["/api/notes"]["get"]
	require.Equal(t, []map[string][]string{{"token": {}}}, notes.Security)
	require.Empty(t, notes.Parameters)
	require.Contains(t, notes.Responses, "401")
	require.Contains(t, notes.Responses, "403")
	removal := document.Paths["/api/notes/{id}"]["delete"]
	require.Equal(t, []map[string][]string{{"token": {"admin"}}}, removal.Security)
	require.Len(t, removal.Parameters, 1)
	require.Empty(t, document.Paths["/health"]["get"].Security)
}

// A test says who makes all requests, and needs no tokens.
func TestAnAdministratorRemovesNotes(t *testing.T) {
	s := newService()
	app := newApp(s)
	routing.Override(app.Router, func(context.Context, struct{}) (user, error) {
		return user{Name: "test", Admin: true}, nil
	})
	url := serve(t, app)
	require.Equal(t, 204, send(t, "DELETE", url+"/api/notes/1", "").StatusCode)
	require.Empty(t, s.notes)
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

// send makes a request with a token, "" for none. The body of the response is read.
func send(t *testing.T, method, url, token string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections() // a shutdown would wait for another request
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	return response
}
