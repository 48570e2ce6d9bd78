package main

import (
	"bytes"
	"log"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestSignup(t *testing.T) {
	var text bytes.Buffer
	before := log.Writer()
	log.SetOutput(&text)
	t.Cleanup(func() { log.SetOutput(before) })
	kit := velithontest.New(t, newApp())

	answer := velithontest.Post[any](kit, "/signups", `{"email":"ada@example.org"}`)
	require.Equal(t, 201, answer.Status)
	require.JSONEq(t, `{"email":"ada@example.org"}`, answer.Text)

	answer = velithontest.Post[any](kit, "/signups", `{"email":"ada"}`)
	require.Equal(t, 422, answer.Status)
	require.JSONEq(t, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[{"in":"body","pointer":"#/email","code":"email","detail":"must be an e-mail address"}]}`, answer.Text)

	require.Len(t, kit.Wait(), 1)
	require.Contains(t, text.String(), "Welcome, ada@example.org\n")
	require.Equal(t, 1, strings.Count(text.String(), "Welcome"))
}
