// Dashboard serves the page of background work with tasks in all states, for the tests of it
// in a browser: .ci/browser.
//
//	go -C trials run ./dashboard -listen 127.0.0.1:8080 -waiting 65536 -rate 1000
//
// With -compare it serves nothing, and says how much slower a hand-over is while somebody
// looks at the page: pairs of a second each, one with the page open and one without, in turns.
//
//	go -C trials run ./dashboard -compare 60
package main

import (
	"context"
	"flag"
	"log"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "where to listen")
	waiting := flag.Int("waiting", 1, "how many tasks wait for a worker all the time")
	rate := flag.Int("rate", 0, "how many tasks come and end in a second")
	readOnly := flag.Bool("read-only", false, "let nobody act")
	harmless := flag.Bool("harmless", false, "leave out the kind whose texts would do something if they were not escaped")
	pairs := flag.Int("compare", 0, "serve nothing, and compare so many pairs of a second each")
	flag.Parse()
	if *pairs > 0 {
		if err := compare(*pairs, time.Second, log.Default()); err != nil {
			log.Fatal(err)
		}
		return
	}
	app := velithon.New(velithon.Options{Runner: background.RunnerOptions{Workers: workers, Queue: *waiting + 10_000}})
	dashboard.Mount(app.Group("/admin"), dashboard.Runner(app.Runner()), dashboard.Options{Title: "Shop", Acts: !*readOnly})
	ctx, cancel := context.WithCancel(context.Background())
	err := begin(ctx, app, *harmless)
	if err == nil && *rate > 0 {
		go load(ctx, app.Runner(), *waiting, *rate)
	}
	if err == nil {
		err = app.Run(*address)
	}
	cancel()
	if err != nil {
		log.Fatal(err)
	}
}
