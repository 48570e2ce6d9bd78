package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/velithon-go/velithon/durable"
)

// owners tells by locked files which processes live: the system frees the lock of one that
// ends, however it does.
type owners struct {
	db     *sql.DB
	folder string
	own    *os.File // nil before
}

// Hold implements [durable.Locks].
func (o *owners) Hold(_ context.Context, id string) error {
	if isThere(o.own) {
		return nil
	}
	_ = o.Release()
	if err := os.MkdirAll(o.folder, 0o700); err != nil {
		return err
	}
	name := filepath.Join(o.folder, id)
	for range 100 { // another process may just look whether it is free, and remove it
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the folder is the user's, the rest our id
		if err != nil {
			return err
		}
		free, err := lock(f)
		if free && isThere(f) {
			o.own = f
			return nil
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return fmt.Errorf("the lock %s is another's", name)
}

// isThere reports whether a file is open, and still the one of its name.
func isThere(f *os.File) bool {
	if f == nil {
		return false
	}
	own, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Name())
	return err == nil && os.SameFile(own, named)
}

// Release implements [durable.Locks].
func (o *owners) Release() error {
	if o.own == nil {
		return nil
	}
	f := o.own
	o.own = nil
	_ = f.Close()
	if err := os.Remove(f.Name()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// GiveBack implements [durable.Locks].
func (o *owners) GiveBack(ctx context.Context, id string) (tasks int, err error) {
	ids, err := o.owning(ctx)
	if err != nil {
		return 0, err
	}
	for _, owner := range ids {
		if owner == id {
			continue
		}
		n, err := o.giveBackOf(ctx, owner)
		if tasks += n; err != nil {
			return tasks, err
		}
	}
	return tasks, o.clean(id)
}

// owner is the process that runs a task.
const owner = `attempted_by->>'$[#-1]'`

// owning returns the ids of the processes that have tasks, or lead the others.
func (o *owners) owning(ctx context.Context) (ids []string, err error) {
	rows, err := o.db.QueryContext(ctx, `
		select `+owner+` from river_job where state = 'running' union select leader_id from river_leader`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has it
	for rows.Next() {
		var id sql.NullString
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id.String)
	}
	return ids, rows.Err()
}

// deathsBefore is how many processes have died with a task before.
const deathsBefore = `(select count(*) from json_each(json(coalesce(errors, '[]'))) where value->>'error' = ?1)`

// canceled reports whether the task was to be cancelled, and its process died before it was.
const canceled = `metadata->>'cancel_attempted_at' is not null`

// giveBack is what happens to a task whose process died: it runs again, unless that has
// happened too often, or it was to be cancelled. The second time it waits for up to two seconds, so that what a task
// takes with it that kills its process may not meet it again, and the third time it goes to
// the suspects.
const giveBack = `
	update river_job set
		queue = case when ` + deathsBefore + ` >= 2 then '` + durable.Suspects + `' else queue end,
		scheduled_at = strftime('%Y-%m-%d %H:%M:%f', 'now', format('+%.3f seconds',
			case when ` + deathsBefore + ` = 1 then abs(random() % 2000) / 1000.0 else 0 end)),
		state = case when ` + canceled + ` then 'cancelled' when attempt >= max_attempts then 'discarded' else 'available' end,
		finalized_at = case when ` + canceled + ` or attempt >= max_attempts then strftime('%Y-%m-%d %H:%M:%f', 'now') end,
		errors = jsonb_insert(coalesce(errors, jsonb('[]')), '$[#]', jsonb_object(
			'at', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'attempt', attempt, 'error', ?1, 'trace', ''))
	where state = 'running' and ` + owner + ` = ?2`

// giveBackOf gives back the tasks of another process, unless it lives.
func (o *owners) giveBackOf(ctx context.Context, owner string) (tasks int, err error) {
	f, err := os.OpenFile(filepath.Join(o.folder, filepath.Base(owner)), os.O_RDWR, 0)
	switch {
	case errors.Is(err, os.ErrNotExist): // it has removed its lock, or a file system was changed
	case err != nil:
		return 0, err
	default:
		defer f.Close() //nolint:errcheck // nothing was written
		if free, err := lock(f); err != nil || !free {
			return 0, err
		}
	}
	result, err := o.db.ExecContext(ctx, giveBack, durable.Died, owner)
	if err != nil {
		return 0, err
	}
	// The next leader need not wait until the time of this one is up.
	if _, err = o.db.ExecContext(ctx, `delete from river_leader where leader_id = ?`, owner); err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// clean removes the locks of processes that died, and have no tasks any more.
func (o *owners) clean(id string) error {
	entries, err := os.ReadDir(o.folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == id {
			continue
		}
		name := filepath.Join(o.folder, entry.Name())
		f, err := os.OpenFile(name, os.O_RDWR, 0) //nolint:gosec // it is in the folder
		if err != nil {
			continue // it was removed meanwhile
		}
		if free, err := lock(f); err == nil && free {
			_ = os.Remove(name)
		}
		_ = f.Close()
	}
	return nil
}
