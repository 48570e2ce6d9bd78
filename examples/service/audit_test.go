package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestAudit(t *testing.T) {
	r := start(t, nil)
	created := velithontest.Post[any](r.Kit, "/api/v1/orders", twoBooks, as("ada"))
	o := decode[order](t, created.Text)
	ended := velithontest.Post[any](r.Kit, "/api/v1/orders/"+o.ID+"/cancel", nil, as("ada"))
	r.Wait()

	for action, got := range map[string]velithontest.Answer[any]{"order created": created, "order cancelled": ended} {
		records := r.audit.records(t, "action", action)
		require.Len(t, records, 1, action)
		require.Equal(t, o.ID, records[0]["order"])
		require.Equal(t, "ada", records[0]["customer"])
		require.Equal(t, got.Header.Get("X-Request-Id"), records[0]["request_id"])
	}
}

// fullDisk fails the first time.
type fullDisk struct {
	bytes.Buffer
	failed bool
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if !d.failed {
		d.failed = true
		return 0, errors.New("no space left on device")
	}
	return d.Buffer.Write(p)
}

func TestAuditIsTriedAgain(t *testing.T) {
	var disk fullDisk
	r := start(t, func(s *service) { s.audit = newAudit(&disk) })
	o := r.order("ada")
	r.Wait()
	require.Contains(t, disk.String(), o.ID)
}
