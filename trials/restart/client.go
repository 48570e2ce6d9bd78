package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
)

// A client sends requests on a connection that is kept alive, and opens another
// one only when it has to, or after some requests.
type client struct {
	pause    time.Duration // the longest between two requests
	failures []string
}

// run sends requests until stop is closed. They are POSTs, so that neither the
// client nor net/http sends one twice: what fails has failed.
func (c *client) run(address string, sent *atomic.Int64, stop <-chan struct{}) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	web := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	for {
		select {
		case <-stop:
			return
		default:
		}
		if rand.IntN(100) == 0 {
			transport.CloseIdleConnections() // so that new ones are made at any time
		}
		sent.Add(1)
		if err := send(web, address); err != nil {
			c.failures = append(c.failures, err.Error())
		}
		if c.pause > 0 {
			time.Sleep(rand.N(c.pause))
		}
	}
}

func send(web *http.Client, address string) error {
	text := `{"text":"` + strings.Repeat("x", rand.IntN(16<<10)) + `"}`
	request, err := http.NewRequest(http.MethodPost, "http://"+address+"/echo", strings.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	connection := "no connection"
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) {
			if connection = "a new connection"; got.Reused {
				connection = fmt.Sprintf("a connection idle for %v", got.IdleTime)
			}
		},
	}))
	response, err := web.Do(request)
	if err != nil {
		return fmt.Errorf("on %s: %w", connection, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("on %s: %w", connection, err)
	}
	if response.StatusCode != http.StatusOK || string(body) != text {
		return fmt.Errorf("on %s: answered %s", connection, response.Status)
	}
	return nil
}
