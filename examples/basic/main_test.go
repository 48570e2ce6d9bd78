package main

import (
	"bytes"
	"log"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestSendNotification(t *testing.T) {
	var mails bytes.Buffer
	kit := velithontest.New(t, newApp(&notifier{log.New(&mails, "", 0)}))

	answer := velithontest.Post[reply](kit, "/send-notification?email=ada@example.org&message=Hello", nil)
	require.Equal(t, 200, answer.Status)
	require.Equal(t, reply{"Notification queued"}, answer.Body)

	require.Len(t, kit.Wait(), 1)
	require.Equal(t, "Sending email to ada@example.org: Hello\n", mails.String())
}

func TestWrongInputSendsNothing(t *testing.T) {
	var mails bytes.Buffer
	kit := velithontest.New(t, newApp(&notifier{log.New(&mails, "", 0)}))

	answer := velithontest.Post[reply](kit, "/send-notification?email=ada", nil)
	require.Equal(t, 422, answer.Status)
	require.JSONEq(t, `{
		"title": "Unprocessable Entity",
		"status": 422,
		"detail": "the request has invalid or missing values",
		"errors": [
			{"in": "query", "name": "email", "code": "email", "detail": "must be an e-mail address"},
			{"in": "query", "name": "message", "code": "required", "detail": "is required"}
		]
	}`, answer.Text)

	require.Empty(t, kit.Wait())
	require.Empty(t, mails.String())
}
