package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/velithon-go/velithon/durable"
)

// owners tells by advisory locks which processes live. Each holds one in a session of its
// own, which ends with it.
type owners struct {
	pool     *pgxpool.Pool
	conn     *pgx.Conn      // the session with the lock; nil without
	suspects map[string]int // processes whose lock was found free, and how often
}

// releaseTimeout is how long the server has to take leave.
const releaseTimeout = 2 * time.Second

// session makes the server notice within seconds that the other end is gone for good.
const session = `
	set tcp_keepalives_idle = 3;
	set tcp_keepalives_interval = 1;
	set tcp_keepalives_count = 5;
	set statement_timeout = 0`

// Hold implements [durable.Locks].
func (o *owners) Hold(ctx context.Context, id string) error {
	if o.conn != nil {
		if o.conn.Ping(ctx) == nil {
			return nil
		}
		_ = o.Release()
	}
	pooled, err := o.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	o.conn = pooled.Hijack() // with all that the pool knows of how to connect
	var free bool
	_, err = o.conn.Exec(ctx, session)
	if err == nil {
		err = o.conn.QueryRow(ctx, `select pg_try_advisory_lock(hashtextextended('velithon ' || $1, 0))`, id).Scan(&free)
	}
	if err == nil && !free {
		err = fmt.Errorf("the advisory lock of %s is another session's", id) // the last one, which the server has yet to end
	}
	if err != nil {
		return errors.Join(err, o.Release())
	}
	return nil
}

// Release implements [durable.Locks].
func (o *owners) Release() error {
	if o.conn == nil {
		return nil
	}
	conn := o.conn
	o.conn = nil
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	if err := conn.Close(ctx); err != nil && !conn.IsClosed() {
		return err
	}
	return nil
}

// owner is the process that runs a task.
const owner = `attempted_by[array_upper(attempted_by, 1)]`

// dead names the processes that have tasks, or lead the others, and have no lock.
const dead = `
	with owners as (
		select ` + owner + ` as id from river_job where state = 'running' union select leader_id from river_leader
	)
	select id from owners where id <> $1 and not exists (
		select from pg_locks
		where locktype = 'advisory' and objsubid = 1 and granted
			and database = (select oid from pg_database where datname = current_database())
			and (classid::bigint << 32 | objid::bigint) = hashtextextended('velithon ' || id, 0)
	)`

// canceled reports whether the task was to be cancelled, and its process died before it was.
const canceled = `metadata ? 'cancel_attempted_at'`

// giveBack is what happens to a task whose process died: it runs again, unless that has
// happened too often, or it was to be cancelled. The second time it waits for up to two seconds, so that what a task
// takes with it that kills its process may not meet it again, and the third time it goes to
// the suspects. One that a transaction of the process has locked, whose end the server has yet to notice,
// does not hold up the others. The next leader need not wait until the time of a dead one
// is up.
const giveBack = `
	with leaders as (
		delete from river_leader where leader_id = any($1)
	)
	update river_job set
		state = (case when ` + canceled + ` then 'cancelled' when attempt >= max_attempts then 'discarded' else 'available' end)::river_job_state,
		finalized_at = case when ` + canceled + ` or attempt >= max_attempts then now() end,
		queue = case when deaths >= 2 then '` + durable.Suspects + `' else queue end,
		scheduled_at = now() + case when deaths = 1 then random() * interval '2 seconds' else interval '0' end,
		errors = array_append(errors, jsonb_build_object('at', now(), 'attempt', attempt, 'error', $2::text, 'trace', ''))
	from (
		select id, (select count(*) from unnest(errors) e where e->>'error' = $2::text) as deaths
		from river_job where state = 'running' and ` + owner + ` = any($1) for update skip locked
	) as dead
	where river_job.id = dead.id`

// deadAfter is how often in a row a lock is found free before its process counts as dead:
// one whose session was cut takes it again in between.
const deadAfter = 3

// GiveBack implements [durable.Locks].
func (o *owners) GiveBack(ctx context.Context, id string) (tasks int, err error) {
	rows, err := o.pool.Query(ctx, dead, id)
	if err != nil {
		return 0, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, err
	}
	suspects, gone := make(map[string]int), []string(nil)
	for _, owner := range found {
		suspects[owner] = o.suspects[owner] + 1
		if suspects[owner] >= deadAfter {
			gone = append(gone, owner)
		}
	}
	o.suspects = suspects
	if len(gone) == 0 {
		return 0, nil
	}
	tag, err := o.pool.Exec(ctx, giveBack, gone, durable.Died)
	return int(tag.RowsAffected()), err
}
