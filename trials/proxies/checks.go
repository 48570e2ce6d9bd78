package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The checks of a proxy say what they found.
var checks = []struct {
	name string
	run  func(context.Context, *setup) (string, error)
}{
	{"a forged address", forged},
	{"a large upload", uploads},
	{"a body that is too large", tooLarge},
	{"an event stream", events},
	{"the probes", probes},
}

// problemType is what the service answers its errors as.
const problemType = "application/problem+json"

// forged sends fields that say that the client is somebody else. The service
// must see the client as it is, and must not see its id of the request.
func forged(ctx context.Context, s *setup) (string, error) {
	const other = "203.0.113.66"
	forgeries := []http.Header{
		{"X-Real-Ip": {other}},
		{"X-Real-Ip": {other, other}},
		{"x-real-ip": {other}},
		{"X-Forwarded-For": {other}},
		{"X-Forwarded-For": {other, "10.0.0.1"}},
		{"x-forwarded-for": {other + ", 10.0.0.1"}},
		{"X-Forwarded-Proto": {"http"}},
		{"X-Request-Id": {other}},
		// Fields that a proxy may take out after it has set them.
		{"Connection": {"X-Real-IP, X-Forwarded-For, X-Forwarded-Proto, X-Request-Id"}, "X-Real-Ip": {other}},
	}
	sent, me := 0, clientAddress.String()
	err := s.withEach(func(version string, web *http.Client) error {
		for _, header := range forgeries {
			if version == http2 && header["Connection"] != nil {
				continue // HTTP/2 has no such field
			}
			a, err := do(ctx, web, http.MethodGet, "/api/caller", header, nil)
			if err != nil {
				return err
			}
			var seen caller
			if err := a.decode(&seen); err != nil {
				return fmt.Errorf("with %v: %w", header, err)
			}
			if seen.RealIP != me || !slices.Equal(seen.ForwardedFor, []string{me}) || seen.Proto != "https" || seen.RequestID == other || seen.RequestID == "" {
				return fmt.Errorf("with %v: the service saw %+v", header, seen)
			}
			sent++
		}
		return nil
	})
	return fmt.Sprintf("%d forged requests, none believed", sent), err
}

// upload returns a body of a size, and the header of its request.
func upload(size int) ([]byte, http.Header) {
	body := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(body) // does not fail
	return body, http.Header{"Content-Type": {"application/octet-stream"}}
}

// inChunks hides the length of a body.
type inChunks struct{ io.Reader }

// uploads sends the largest body that the route takes.
func uploads(ctx context.Context, s *setup) (string, error) {
	body, header := upload(pictureLimit)
	want := pictureOf(body)
	sent, longest := 0, time.Duration(0)
	err := s.withEach(func(_ string, web *http.Client) error {
		for _, reader := range []io.Reader{bytes.NewReader(body), inChunks{bytes.NewReader(body)}} {
			begun := time.Now()
			a, err := do(ctx, web, http.MethodPost, "/api/pictures", header, reader)
			if err != nil {
				return err
			}
			var got picture
			if err := a.decode(&got); err != nil {
				return err
			}
			if got != want {
				return fmt.Errorf("the service got %+v, want %+v", got, want)
			}
			sent++
			longest = max(longest, time.Since(begun))
		}
		return nil
	})
	return fmt.Sprintf("%d of %d MiB, the longest in %v", sent, pictureLimit>>20, longest.Round(time.Millisecond)), err
}

// tooLarge sends bodies above the limits, with a length and in chunks.
func tooLarge(ctx context.Context, s *setup) (string, error) {
	sent, answered := 0, 0
	for _, kind := range []struct {
		path string
		size int
	}{{"/api/orders", bodyLimit + 1}, {"/api/orders", 4 * bodyLimit}, {"/api/pictures", pictureLimit + 1}} {
		body, header := upload(kind.size)
		err := s.withEach(func(version string, _ *http.Client) error {
			for _, chunked := range []bool{false, true} {
				reader := io.Reader(bytes.NewReader(body))
				if chunked {
					reader = inChunks{reader}
				}
				web := s.client(version) // its connection may not outlive the answer
				a, err := do(ctx, web, http.MethodPost, kind.path, header, reader)
				web.CloseIdleConnections()
				sent++
				ok, err := s.proxy.refused(a, err, version, chunked)
				if err != nil {
					return fmt.Errorf("%s of %d bytes, chunked %v: %w", kind.path, kind.size, chunked, err)
				}
				if ok {
					answered++
				}
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d bodies, %d answered with 413, %d with a broken connection", sent, answered, sent-answered), nil
}

// refused reports whether a body that is too large was answered with 413. One
// that hangs up leaves chunks to the service, and a client that is still sending
// may find its connection broken, but for the proxy's own 413 over HTTP/2.
func (p *proxy) refused(a answer, err error, version string, chunked bool) (bool, error) {
	by := p.refusal
	if p.hangsUp && chunked {
		by = problemType // the service's
	}
	mayBreak := p.hangsUp && (chunked || version == http1)
	contentType, _, _ := strings.Cut(a.contentType, ";")
	switch {
	case mayBreak && (err != nil || a.status == http.StatusBadGateway):
		return false, nil //nolint:nilerr // that is what it does
	case err != nil:
		return false, err
	case a.status != http.StatusRequestEntityTooLarge || contentType != by:
		return false, fmt.Errorf("got %d as %q, want 413 as %q: %s", a.status, contentType, by, a.body)
	}
	return true, nil
}

// events reads a stream whose next event is sent once the one before was read.
func events(ctx context.Context, s *setup) (string, error) {
	direct := &http.Client{Timeout: requestLimit, Transport: &http.Transport{}}
	defer direct.CloseIdleConnections()
	var all []time.Duration
	err := s.withEach(func(_ string, web *http.Client) error {
		delays, err := listen(ctx, web, direct)
		if err != nil {
			return fmt.Errorf("after %d events: %w", len(delays), err)
		}
		if len(delays) != eventCount {
			return fmt.Errorf("the stream ended after %d events, want %d", len(delays), eventCount)
		}
		all = append(all, delays...)
		return nil
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d events one by one, the longest on its way for %v", len(all), slices.Max(all).Round(10*time.Microsecond)), nil
}

// listen returns how long each event of a stream was on its way.
func listen(ctx context.Context, web, direct *http.Client) (delays []time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/api/events", nil)
	if err != nil {
		return nil, err
	}
	response, err := web.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			sent, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return delays, err
			}
			delays = append(delays, time.Since(time.Unix(0, sent)))
		case "data": // the address of the instance
			response, err := direct.Post("http://"+value+"/api/events/next", "", nil)
			if err != nil {
				return delays, err
			}
			if err := response.Body.Close(); err != nil {
				return delays, err
			}
		}
	}
	return delays, lines.Err()
}

// probes asks for what is not for clients.
func probes(ctx context.Context, s *setup) (string, error) {
	err := s.withEach(func(_ string, web *http.Client) error {
		for _, path := range []string{"/livez", "/readyz"} {
			a, err := do(ctx, web, http.MethodGet, path, nil, nil)
			if err != nil {
				return err
			}
			if a.status != http.StatusNotFound {
				return fmt.Errorf("%s: got %d, want 404", path, a.status)
			}
		}
		return nil
	})
	return "not found from outside", err
}

// An answer is a response that was read in full.
type answer struct {
	status      int
	contentType string
	body        []byte
}

// decode reads the body of a 200.
func (a *answer) decode(v any) error {
	if a.status != http.StatusOK {
		return fmt.Errorf("answered with %d: %s", a.status, a.body)
	}
	return json.Unmarshal(a.body, v)
}

// do sends a request and reads its answer.
func do(ctx context.Context, web *http.Client, method, path string, header http.Header, body io.Reader) (a answer, err error) {
	request, err := http.NewRequestWithContext(ctx, method, "https://"+host+path, body)
	if err != nil {
		return a, err
	}
	if header != nil {
		request.Header = header.Clone()
	}
	response, err := web.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	a.status, a.contentType = response.StatusCode, response.Header.Get("Content-Type")
	a.body, err = io.ReadAll(response.Body)
	return a, err
}
