package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAudit(t *testing.T) {
	r := start(t, nil)
	created := r.do("ada", "POST", "/api/v1/orders", twoBooks)
	o := decode[order](t, created.body)
	ended := r.do("ada", "POST", "/api/v1/orders/"+o.ID+"/cancel", "")
	r.stop()

	for action, got := range map[string]answer{"order created": created, "order cancelled": ended} {
		records := r.audit.records(t, "action", action)
		require.Len(t, records, 1, action)
		require.Equal(t, o.ID, records[0]["order"])
		require.Equal(t, "ada", records[0]["customer"])
		require.Equal(t, got.header.Get("X-Request-Id"), records[0]["request_id"])
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
	r.stop()
	require.Contains(t, disk.String(), o.ID)
}
