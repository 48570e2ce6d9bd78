package velithontest

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/velithon-go/velithon/params"
)

// An Answer is a response that was read to its end.
type Answer[T any] struct {
	Status  int
	Header  http.Header
	Body    T        // what JSON that is no problem says; zero for all else, and for what is compressed
	Problem *Problem // of RFC 9457; nil if the response is none
	Text    string   // the body as it was sent
}

// A Problem is an error as the client reads it (RFC 9457). Members that are not listed
// here are in the Text of the answer.
type Problem struct {
	Type     string         `json:"type"`
	Title    string         `json:"title"`
	Status   int            `json:"status"`
	Detail   string         `json:"detail"`
	Instance string         `json:"instance"`
	Errors   []params.Fault `json:"errors"`
}

// Get sends a GET request: see [Do].
func Get[T any](k *Kit, target string, fields ...string) Answer[T] {
	k.t.Helper()
	return Do[T](k, http.MethodGet, target, nil, fields...)
}

// Post sends a POST request: see [Do].
func Post[T any](k *Kit, target string, input any, fields ...string) Answer[T] {
	k.t.Helper()
	return Do[T](k, http.MethodPost, target, input, fields...)
}

// Put sends a PUT request: see [Do].
func Put[T any](k *Kit, target string, input any, fields ...string) Answer[T] {
	k.t.Helper()
	return Do[T](k, http.MethodPut, target, input, fields...)
}

// Patch sends a PATCH request: see [Do].
func Patch[T any](k *Kit, target string, input any, fields ...string) Answer[T] {
	k.t.Helper()
	return Do[T](k, http.MethodPatch, target, input, fields...)
}

// Delete sends a DELETE request: see [Do].
func Delete[T any](k *Kit, target string, fields ...string) Answer[T] {
	k.t.Helper()
	return Do[T](k, http.MethodDelete, target, nil, fields...)
}

// Do sends a request and reads the answer. target is a path, with a query or without.
// input is the body: a string, a []byte or an [io.Reader] as it is, and anything else,
// as JSON; nil is none. Its type is application/json, unless one of the fields of the
// header says another: each is written as "Name: value".
//
// The tasks of the response are handed over when Do returns, so those of the next one
// are behind them, unless the runner has no room.
//
// The test ends at once if there is no answer, or if one below 400 is JSON that can't
// be decoded into a T.
func Do[T any](k *Kit, method, target string, input any, fields ...string) (answer Answer[T]) {
	k.t.Helper()
	content, err := contentOf(input)
	if err != nil {
		k.t.Fatalf("velithontest: %s %s: encode the input: %v", method, target, err)
	}
	request, err := http.NewRequestWithContext(k.t.Context(), method, target, content)
	if err != nil {
		k.t.Fatalf("velithontest: %v", err)
	}
	for _, field := range fields {
		name, value, ok := strings.Cut(field, ": ")
		if !ok {
			k.t.Fatalf("velithontest: %s %s: the field %q is not written as \"Name: value\"", method, target, field)
		}
		if strings.EqualFold(name, "Host") {
			request.Host = value // net/http sends that alone
		} else {
			request.Header.Add(name, value)
		}
	}
	if content != nil && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := k.Client.Do(request)
	if err != nil {
		k.t.Fatalf("velithontest: %v", err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		k.t.Fatalf("velithontest: %s %s: read the answer: %v", method, target, err)
	}
	k.until(k.hasHandedOver)
	answer.Status, answer.Header, answer.Text = response.StatusCode, response.Header, string(text)
	if err := answer.decode(text); err != nil {
		k.t.Fatalf("velithontest: %s %s answers %d with what is no %T: %v\n%s", method, target, answer.Status, answer.Body, err, text)
	}
	return answer
}

// contentOf returns a body, nil for none.
func contentOf(input any) (io.Reader, error) {
	switch input := input.(type) {
	case nil:
		return nil, nil
	case io.Reader:
		return input, nil
	case string:
		return strings.NewReader(input), nil
	case []byte:
		return bytes.NewReader(input), nil
	}
	text, err := json.Marshal(input)
	return bytes.NewReader(text), err
}

// decode reads what a body says, if it is JSON.
func (a *Answer[T]) decode(text []byte) error {
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	switch {
	case a.Header.Get("Content-Encoding") != "": // as the test has asked for
	case kind == "application/problem+json":
		// The faults may be a list of the service's own.
		var own struct {
			Problem
			Errors json.RawMessage `json:"errors"`
		}
		if err := json.Unmarshal(text, &own); err != nil {
			return err
		}
		a.Problem = &own.Problem
		_ = json.Unmarshal(own.Errors, &a.Problem.Errors)
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		var said T
		if err := json.Unmarshal(text, &said); err == nil {
			a.Body = said
		} else if a.Status < http.StatusBadRequest { // errors may be of another type
			return err
		}
	}
	return nil
}
