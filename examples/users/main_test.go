package main

import (
	"crypto/sha256"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/velithontest"
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
	kit := velithontest.New(t, newApp(s))
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
		var fields []string
		if c.token != "" {
			fields = append(fields, "Authorization: Bearer "+c.token)
		}
		answer := velithontest.Do[any](kit, c.method, c.path, nil, fields...)
		require.Equal(t, c.status, answer.Status, "%s %s with %q", c.method, c.path, c.token)
		require.Equal(t, c.status == 401, answer.Header.Get("WWW-Authenticate") == `Bearer realm="token"`)
	}
	require.Empty(t, s.notes)
}

// The page and the document are for all, and say who gets in where.
func TestTheDocumentSaysWhoGetsIn(t *testing.T) {
	app := newApp(newService())
	text, err := openapi.Document(app.Routes(), openapi.Info{Title: "Notes", Version: "1.0.0"})
	require.NoError(t, err)
	kit := velithontest.New(t, app)
	require.Equal(t, 200, velithontest.Get[any](kit, "/docs").Status)
	require.Equal(t, 200, velithontest.Get[any](kit, "/openapi.json").Status)
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
	kit := velithontest.New(t, newApp(s))
	velithontest.Override(kit, user{Name: "test", Admin: true})
	require.Equal(t, 204, velithontest.Delete[any](kit, "/api/notes/1").Status)
	require.Empty(t, s.notes)
}
