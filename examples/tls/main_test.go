package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

// How the certificate is renewed is tested with App.RunTLS.
func TestGreet(t *testing.T) {
	kit := velithontest.New(t, newApp())
	answer := velithontest.Get[greeting](kit, "/greet?name=Ada")
	require.Equal(t, 200, answer.Status)
	require.Equal(t, "Hello Ada", answer.Body.Message)
}
