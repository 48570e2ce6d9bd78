package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// An answer is what came back.
type answer struct {
	status      int
	contentType string
	body        []byte
}

// send sends a request, and returns what is wrong about its answer; nil for nothing.
func (s *suite) send(q *request, r *result) *fault {
	out, err := s.build(q)
	if err != nil {
		return &fault{what: "the request can't be written", detail: err.Error(), at: readable(q.op.at), broken: q.broken}
	}
	a, err := s.exchange(out)
	if err != nil {
		return &fault{what: "there is no answer", detail: err.Error(), at: readable(q.op.at), broken: q.broken, request: curl(out)}
	}
	r.sent++
	r.byStatus[a.status]++
	f := s.judgeStatus(q, a, r)
	if f == nil {
		f = s.judgeContent(q, a)
	}
	if f == nil {
		return nil
	}
	f.at, f.broken, f.request = readable(f.at), q.broken, curl(out)
	f.answer = fmt.Sprintf("%d %s\n%s", a.status, a.contentType, shortened(a.body))
	return f
}

// exchange sends a request and reads the answer, but for a stream of events, which need not
// end.
func (s *suite) exchange(r *http.Request) (a answer, err error) {
	response, err := s.client.Do(r)
	if err != nil {
		return a, err
	}
	defer func() { _ = response.Body.Close() }()
	a.status, a.contentType = response.StatusCode, response.Header.Get("Content-Type")
	if !strings.HasPrefix(a.contentType, "text/event-stream") {
		a.body, err = io.ReadAll(response.Body)
	}
	return a, err
}

func shortened(text []byte) string {
	const most = 2000
	if len(text) > most {
		return string(text[:most]) + " …"
	}
	return string(text)
}

// judgeStatus judges the status of an answer.
func (s *suite) judgeStatus(q *request, a answer, r *result) *fault {
	at := q.op.at
	switch status := a.status; {
	case status == http.StatusInternalServerError:
		return &fault{what: "the service failed: status 500", at: at}
	case status > 500 && !says(q.op, status):
		return &fault{what: fmt.Sprintf("the service failed: status %d, which is not documented", status), at: at}
	case q.broken == "" && isRefusal(status):
		if q.op.lenient && status != http.StatusUnsupportedMediaType || status == http.StatusUnprocessableEntity && q.op.isUnsaid(a) {
			r.lenient++
			return nil
		}
		return &fault{what: fmt.Sprintf("a request that keeps to the document is refused: status %d", status), at: at}
	case q.broken != "" && status < 400:
		return &fault{what: fmt.Sprintf("a request that breaks the document is taken: status %d", status), at: at}
	}
	return nil
}

// isRefusal reports whether a status says that a request is not as it should be.
func isRefusal(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnsupportedMediaType || status == http.StatusUnprocessableEntity
}

// isUnsaid reports whether an answer refuses a request by rules of x-validate alone: by all
// of its errors, if it has some.
func (o *operation) isUnsaid(a answer) bool {
	var problem struct {
		Errors []struct {
			Code string `json:"code"`
		} `json:"errors"`
	}
	_ = json.Unmarshal(a.body, &problem)
	for _, e := range problem.Errors {
		names := strings.Split(e.Code, "|")
		if !slices.ContainsFunc(names, o.hasRule) {
			return false
		}
	}
	return len(o.unsaid) > 0
}

// hasRule reports whether x-validate has a rule of a name.
func (o *operation) hasRule(name string) bool {
	rule := regexp.MustCompile(`(^|[|,])` + regexp.QuoteMeta(name) + `($|[=|,])`)
	return slices.ContainsFunc(o.unsaid, rule.MatchString)
}

// judgeContent judges what an answer has by what the document says of its status.
func (s *suite) judgeContent(q *request, a answer) *fault {
	said := s.answer(q.op, a.status)
	if said == nil {
		if q.at != nil && q.at.in == "path" && (a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed) {
			return nil // no route has this path
		}
		return &fault{what: fmt.Sprintf("the status %d is not documented", a.status), at: q.op.at + "/responses"}
	}
	at, _ := said[place].(string)
	content, _ := said["content"].(object)
	if len(keys(content)) == 0 {
		if len(a.body) > 0 {
			return &fault{what: "there is content where none is documented, of status " + strconv.Itoa(a.status), at: at}
		}
		return nil
	}
	if len(a.body) == 0 && s.mayBeEmpty(q, content) {
		return nil
	}
	kind, _, err := mime.ParseMediaType(a.contentType)
	key := mediaKey(content, kind)
	if err != nil || key == "" {
		return &fault{what: fmt.Sprintf("the content type %q is not documented for status %d", kind, a.status), at: at + "/content"}
	}
	media := s.deref(content[key])
	schema, ok := media["schema"].(object)
	if !ok || !isJSON(kind) {
		return nil
	}
	at = schema[place].(string)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err != nil {
		return &fault{what: "the answer is no JSON", detail: err.Error(), at: at}
	}
	if err := s.judge(at, value); err != nil {
		return &fault{what: "the answer is not what its schema says", detail: plain(err), at: at}
	}
	return nil
}

// mayBeEmpty reports whether an answer may have no content where some is documented: an
// answer to HEAD, or a text or bytes of which there are none.
func (s *suite) mayBeEmpty(q *request, content object) bool {
	return q.op.method == http.MethodHead || !slices.ContainsFunc(keys(content), isJSON)
}

// mediaKey returns the key of content under which a media type is described, "" without one.
func mediaKey(content object, kind string) string {
	family, _, _ := strings.Cut(kind, "/")
	for _, key := range []string{kind, family + "/*", "*/*"} {
		if content[key] != nil {
			return key
		}
	}
	for _, key := range keys(content) { // with parameters
		if plain, _, err := mime.ParseMediaType(key); err == nil && plain == kind {
			return key
		}
	}
	return ""
}

// plain returns the words of a judge without the address that the document has for it.
func plain(err error) string {
	text := strings.ReplaceAll(err.Error(), base, "")
	_, rest, found := strings.Cut(text, "\n")
	if !found {
		return text
	}
	return strings.TrimSpace(rest)
}
