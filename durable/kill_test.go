package durable_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/durable/postgres"
	"github.com/velithon-go/velithon/durable/sqlite"
)

// childEnv has the place of the database if this process is a child of a test: a worker
// that can be killed.
const childEnv = "VELITHON_CHILD"

// childKinds are the kinds of the child, with what writes to its database.
func childKinds(insert func(ctx context.Context, n, attempt int) error) []background.Definition {
	return []background.Definition{
		background.Define("effect", func(ctx context.Context, n int) error {
			time.Sleep(2 * time.Millisecond)
			return insert(ctx, n, background.Attempt(ctx))
		}, background.Timeout(time.Hour)),
		background.Define("hangs", func(ctx context.Context, n int) error {
			if err := insert(ctx, n, background.Attempt(ctx)); err != nil {
				return err
			}
			<-ctx.Done()
			return context.Cause(ctx)
		}, background.Timeout(time.Hour)),
		background.Define("poison", func(context.Context, int) error {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			return err
		}, background.Retry{Attempts: 2}),
	}
}

// runChild works until it is told to stop, or killed.
func runChild(place string) {
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	options := durable.Options{Logger: quiet, ShutdownTimeout: 2 * time.Second}
	if err := childWorks(ctx, place, options); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func childWorks(ctx context.Context, place string, options durable.Options) error {
	const insert = "insert into effects(n, attempt) values ($1, $2)"
	if !strings.HasPrefix(place, "postgres:") {
		db, err := sqlite.OpenDB(place)
		if err != nil {
			return err
		}
		defer db.Close()
		q, err := sqlite.Open(ctx, db, place, options, childKinds(func(ctx context.Context, n, attempt int) error {
			_, err := db.ExecContext(ctx, insert, n, attempt)
			return err
		})...)
		if err != nil {
			return err
		}
		fmt.Println("working")
		return q.Run(ctx)
	}
	pool, err := pgxpool.New(ctx, place)
	if err != nil {
		return err
	}
	defer pool.Close()
	q, err := postgres.Open(ctx, pool, options, childKinds(func(ctx context.Context, n, attempt int) error {
		_, err := pool.Exec(ctx, insert, n, attempt)
		return err
	})...)
	if err != nil {
		return err
	}
	fmt.Println("working")
	return q.Run(ctx)
}

// startChild starts a worker, which is killed at the end of the test at the latest.
func startChild(t *testing.T, place string) *exec.Cmd {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+place)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	child.Stderr = os.Stderr
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		if child.ProcessState == nil {
			kill(t, child)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "working\n", line)
	return child
}

func kill(t *testing.T, child *exec.Cmd) {
	t.Helper()
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
}

func openForChildren[Tx any](t *testing.T, d *database[Tx]) (web *durable.Queue[Tx], kinds map[string]background.Kind[int]) {
	t.Helper()
	d.exec(t, "create table effects(n integer, attempt integer)")
	kinds = make(map[string]background.Kind[int])
	var all []background.Definition
	for _, k := range childKinds(nil) {
		kinds[k.Name()] = k.(background.Kind[int])
		all = append(all, k)
	}
	return d.open(t, durable.Options{StoreOnly: true}, all...), kinds
}

func testKill[Tx any](t *testing.T, d *database[Tx]) {
	web, kinds := openForChildren(t, d)
	tasks := make([]*background.Task, many)
	for i := range tasks {
		tasks[i] = kinds["effect"].Task(i)
	}
	require.NoError(t, web.Submit(within(t), tasks...))
	first := startChild(t, d.place)
	eventually(t, "some are done", func() bool { return d.number(t, "select count(*) from effects") > many/10 })
	kill(t, first)
	killed := time.Now()
	startChild(t, d.place)
	eventually(t, "all are done", func() bool {
		return d.number(t, "select count(*) from river_job where state = 'completed'") == len(tasks)
	})
	t.Logf("all of %d were done %v after a kill, %d of them twice", len(tasks), time.Since(killed).Round(time.Millisecond),
		d.number(t, "select count(*) from effects")-len(tasks))
	assert.Equal(t, len(tasks), d.number(t, "select count(distinct n) from effects"))
	assert.Equal(t, 1, d.number(t, "select max(attempt) from effects"), "no attempt was used up")
}

// A task is given back while its process lives nowhere, and is not while it does.
func testHangs[Tx any](t *testing.T, d *database[Tx]) {
	web, kinds := openForChildren(t, d)
	require.NoError(t, web.Submit(within(t), kinds["hangs"].Task(1)))
	first := startChild(t, d.place)
	eventually(t, "it runs", func() bool { return d.number(t, "select count(*) from effects") == 1 })
	second := startChild(t, d.place)
	time.Sleep(3 * time.Second)
	assert.Equal(t, 1, d.number(t, "select count(*) from effects"), "it runs in the first process only")
	kill(t, first)
	eventually(t, "it runs in the second", func() bool { return d.number(t, "select count(*) from effects") == 2 })
	require.NoError(t, second.Process.Signal(syscall.SIGTERM))
	require.NoError(t, second.Wait(), "it ends in time")
	assert.Equal(t, 1, d.number(t, "select count(*) from river_job where state = 'available'"), "the task is put back")
	assert.Equal(t, 1, d.number(t, "select max(attempt) from effects"))
	assert.Len(t, inState(t, web, background.Waiting), 1)
}

// A task that kills its process does not take along for good those that were begun with it.
func testPoison[Tx any](t *testing.T, d *database[Tx]) {
	web, kinds := openForChildren(t, d)
	tasks := []*background.Task{kinds["poison"].Task(1)}
	for i := range 30 {
		tasks = append(tasks, kinds["effect"].Task(i))
	}
	require.NoError(t, web.Submit(within(t), tasks...))
	for range 5 {
		child := startChild(t, d.place)
		_ = child.Wait()
	}
	startChild(t, d.place)
	eventually(t, "all have ended", func() bool { return len(inState(t, web)) == 0 })
	require.Len(t, inState(t, web, background.Failed), 1)
	failed := inState(t, web, background.Failed)[0]
	assert.Equal(t, "poison", failed.Name)
	require.EqualError(t, failed.Err, durable.Died)
	assert.Zero(t, failed.Attempt, "none has ended")
}

func kills[Tx any]() map[string]test[Tx] {
	return map[string]test[Tx]{"kill": testKill[Tx], "hangs": testHangs[Tx], "poison": testPoison[Tx]}
}

func TestKillsOnSQLite(t *testing.T)     { onSQLite(t, kills[*sql.Tx]()) }
func TestKillsOnPostgreSQL(t *testing.T) { onPostgreSQL(t, kills[pgx.Tx]()) }
