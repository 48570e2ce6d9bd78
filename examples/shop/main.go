// Shop is what a team puts on-line on its first day: products, orders, mails and invoices
// that survive a crash, and what a service on the open internet needs around them. README.md
// has the requests to send, and says what the framework gives and what is by hand.
//
//	JWT_SECRET=… STAFF_KEY=… OPS_PASSWORD=… go run .
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/durable/sqlite"
)

// config is what the shop can be told from outside.
type config struct {
	db, public, smtp, origins, proxies string // the last two are lists with blanks
	secret, staffKey, password         string
	rate                               int
}

func main() {
	var c config
	addr := flag.String("addr", ":8080", "`address` to listen on")
	cert := flag.String("cert", "", "`file` of a certificate, for HTTPS without a proxy; both may be renewed at any time")
	key := flag.String("key", "", "`file` of its key")
	flag.StringVar(&c.db, "db", "shop.db", "`file` of the database")
	flag.StringVar(&c.public, "public", "public", "`folder` of the page")
	flag.StringVar(&c.smtp, "smtp", "", "`host:port` of the mail server; mails are logged without one")
	flag.StringVar(&c.origins, "origins", "https://shop.example", "`origins` whose pages may call the shop")
	flag.StringVar(&c.proxies, "proxies", "127.0.0.0/8 ::1", "`networks` of the proxies in front")
	flag.IntVar(&c.rate, "rate", 600, "`requests` of one address in a minute")
	flag.Parse()
	// Not flags, which everyone on the host can see.
	c.secret, c.staffKey, c.password = os.Getenv("JWT_SECRET"), os.Getenv("STAFF_KEY"), os.Getenv("OPS_PASSWORD")
	if err := run(c, *addr, *cert, *key); err != nil {
		log.Fatal(err)
	}
}

// run serves the shop until the process gets a signal.
func run(c config, addr, cert, key string) error {
	ctx := context.Background()
	tracers := sdk.NewTracerProvider()
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" {
		exporter, err := otlptracehttp.New(ctx)
		if err != nil {
			return err
		}
		tracers.RegisterSpanProcessor(sdk.NewBatchSpanProcessor(exporter))
	}
	s, err := open(ctx, c, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	app := s.app(tracers)
	if cert == "" {
		err = app.Run(addr)
	} else {
		err = app.RunTLS(addr, cert, key)
	}
	return errors.Join(err, s.close(), tracers.Shutdown(ctx)) // behind the last task
}

// open opens the shop's page and file, which it makes, and the queue of tasks in it.
func open(ctx context.Context, c config, logger *slog.Logger) (s *shop, err error) {
	s = &shop{config: c, logger: logger, poll: time.Second}
	s.mails = background.Define("mail", s.sendMail, background.Retry{Attempts: 12}, background.NewLimit(background.LimitOptions{Concurrent: 8}))
	s.invoices = background.Define("invoice", s.writeInvoice, background.Retry{Attempts: 12})
	if s.public, err = os.OpenRoot(c.public); err != nil {
		return nil, err
	}
	if s.db, err = sqlite.OpenDB(c.db); err != nil {
		return nil, err
	}
	if _, err = s.db.ExecContext(ctx, schema); err == nil {
		s.queue, err = sqlite.Open(ctx, s.db, c.db, durable.Options{Logger: logger}, s.mails, s.invoices)
	}
	return s, err
}

// close comes behind the shutdown.
func (s *shop) close() error { return errors.Join(s.db.Close(), s.public.Close()) }
