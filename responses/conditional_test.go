package responses_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

const (
	earlier = "Sat, 02 May 2026 09:59:59 GMT"
	later   = "Sat, 02 May 2026 10:00:01 GMT"
	future  = "Thu, 31 Dec 2037 00:00:00 GMT" // with 32 bits files have no later one
)

func TestFilePreconditions(t *testing.T) {
	path := newFile(t, "list.txt")
	for _, test := range []struct {
		etag   string // as the handler sets it
		lines  []string
		status int
	}{
		{"", []string{"If-Match: *"}, 200},
		{"", []string{`If-Match: "7"`}, 412},
		{"", []string{`If-Match: "7"`, "Range: bytes=2-4"}, 412},
		{"", []string{`If-Match: "7"`, "Range: bytes=99-"}, 412},
		{"", []string{"If-Match: nonsense"}, 412},
		{"", []string{"If-Unmodified-Since: " + earlier}, 412},
		{"", []string{"If-Unmodified-Since: " + earlier, "Range: bytes=2-4"}, 412},
		{"", []string{"If-Unmodified-Since: " + published}, 200},
		{"", []string{"If-Unmodified-Since: " + later, "Range: bytes=2-4"}, 206},
		{"", []string{"If-Unmodified-Since: yesterday"}, 200},
		{"", []string{"If-Unmodified-Since: " + earlier, "If-Unmodified-Since: " + earlier}, 200},
		{"", []string{"If-Match: *", "If-Unmodified-Since: " + earlier}, 200},
		{"", []string{"If-None-Match: *"}, 304},
		{"", []string{"If-None-Match: *", "Range: bytes=2-4"}, 304},
		{"", []string{"If-None-Match: *", "If-Match: *"}, 304},
		{"", []string{"If-None-Match: *", `If-Match: "7"`}, 412},
		{"", []string{`If-None-Match: "7"`}, 200},
		{"", []string{`If-None-Match: "7"`, "If-Modified-Since: " + published}, 200},
		{"", []string{"If-Modified-Since: " + published, "If-Unmodified-Since: " + earlier}, 412},
		{"", []string{"If-Modified-Since: " + published, "If-Unmodified-Since: " + published}, 304},
		// A field is there also if it is empty.
		{"", []string{"If-Match:"}, 412},
		{"", []string{"If-Match:", "If-Unmodified-Since: " + published}, 412},
		{"", []string{"If-None-Match:", "If-Modified-Since: " + published}, 200},
		{"", []string{"Range: bytes=2-4", "If-Range:"}, 200},
		{"", []string{"If-Modified-Since:"}, 200},
		// All three forms of a date (RFC 9110, section 5.6.7).
		{"", []string{"If-Modified-Since: Saturday, 02-May-26 10:00:00 GMT"}, 304},
		{"", []string{"If-Modified-Since: Sat May  2 10:00:00 2026"}, 304},
		{"", []string{"Range: bytes=2-4", "If-Range: Saturday, 02-May-26 10:00:00 GMT"}, 206},
		{"", []string{"Range: bytes=2-4", "Range: bytes=2-4"}, 200},
		// The ETag of the handler is what the client saw.
		{`"7"`, []string{`If-Match: "7"`}, 200},
		{`"7"`, []string{`If-Match: "6", "7"`, "Range: bytes=2-4"}, 206},
		{`"7"`, []string{`If-Match: "6"`, `If-Match: "7"`}, 200},
		{`"7"`, []string{`If-Match: W/"7"`}, 412},
		{`W/"7"`, []string{`If-Match: W/"7"`}, 412},
		{`"7"`, []string{`If-None-Match: "6", "7"`}, 304},
		{`"7"`, []string{`If-None-Match: W/"7"`}, 304},
		{`W/"7"`, []string{`If-None-Match: "7"`}, 304},
		{`"7"`, []string{`If-None-Match: "6"`, "If-Modified-Since: " + published}, 200},
		{`"a,b"`, []string{`If-None-Match: "a","a,b"`}, 304},
		{`"a"`, []string{`If-None-Match: "a,b"`}, 200},
		{`"7"`, []string{"Range: bytes=2-4", `If-Range: "7"`}, 206},
		{`"7"`, []string{"Range: bytes=2-4", `If-Range: "6"`}, 200},
		{`W/"7"`, []string{"Range: bytes=2-4", `If-Range: W/"7"`}, 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			response := responses.File(path)
			if test.etag != "" {
				response.Header = responses.Header{"etag": {test.etag}}
			}
			sent, _ := exchange(t, response, request(method, test.lines...))
			status := test.status
			if method == "HEAD" && status == 206 {
				status = 200
			}
			assert.Contains(t, sent, fmt.Sprintf("HTTP/1.1 %d ", status), "%s %s %q", method, test.etag, test.lines)
			if status == 304 && test.etag != "" {
				assert.Contains(t, sent, "Etag: "+test.etag+"\r\n")
			}
		}
	}

	sent, err := exchange(t, responses.File(path), get(`If-Match: "7"`))
	require.EqualError(t, err, "412 Precondition Failed: the file is not the version that the request is for")
	assert.Contains(t, sent, "Content-Type: application/problem+json\r\n")

	// What a handler or a middleware sets is compared, and not what it replaces.
	dated := responses.FileResponse{Path: path, Header: responses.Header{"Last-Modified": {later}}}
	sent, err = exchange(t, dated, get("If-Modified-Since: "+published))
	require.NoError(t, err)
	assert.Equal(t, 200, parse(t, sent).StatusCode())
	sent = exchangeWith(t, func(raw *fasthttp.RequestCtx) {
		raw.Response.Header.Set("ETag", `"8"`)
		assert.NoError(t, answer(raw, responses.File(path)))
	}, get(`If-None-Match: "8"`))
	assert.Contains(t, sent, "HTTP/1.1 304 ")
}

func TestEmptyFileHasNoParts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	for _, value := range []string{"bytes=-5", "bytes=0-", "bytes=0-0", "bytes=7-"} {
		sent, err := exchange(t, responses.File(path), get("Range: "+value))
		require.NoError(t, err, value)
		assert.Contains(t, sent, "HTTP/1.1 200 OK\r\n", value)
		assert.NotContains(t, sent, "Content-Range", value)
	}
}

// A file that may change again within the second that its date names has no date
// that tells its versions apart (RFC 9110, section 8.8.2.2), nor has one of the
// future, from another machine or another time zone.
func TestYoungFilesHaveNoLastModified(t *testing.T) {
	path := newFile(t, "list.txt")
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			age  time.Duration
			sent bool
		}{
			{time.Hour, true}, {2 * time.Second, true}, {2*time.Second - time.Millisecond, true}, // of the same second
			{time.Second, false}, {0, false}, {-time.Second, false}, {-24 * 365 * time.Hour, false},
		} {
			modified := time.Now().Add(-test.age) // the bubble begins with a whole second
			require.NoError(t, os.Chtimes(path, modified, modified))
			date := modified.UTC().Truncate(time.Second).Format(http.TimeFormat)
			status := func(lines ...string) int {
				var raw fasthttp.RequestCtx
				for i := 0; i < len(lines); i += 2 {
					raw.Request.Header.Set(lines[i], lines[i+1])
				}
				_ = answer(&raw, responses.File(path))
				if raw.Response.StatusCode() == 200 && test.sent {
					assert.Equal(t, date, string(raw.Response.Header.Peek("Last-Modified")), test.age)
				} else if !test.sent {
					assert.Empty(t, raw.Response.Header.Peek("Last-Modified"), test.age)
				}
				require.NoError(t, raw.Response.CloseBodyStream())
				return raw.Response.StatusCode()
			}
			assert.Equal(t, 200, status())
			assert.Equal(t, test.sent, status("If-Modified-Since", date) == 304, test.age)
			assert.Equal(t, test.sent, status("If-Range", date, "Range", "bytes=2-4") == 206, test.age)
			// What a client has got before is another version, surely.
			before := modified.UTC().Add(-3 * time.Second).Format(http.TimeFormat)
			assert.Equal(t, 412, status("If-Unmodified-Since", before, "Range", "bytes=2-4"), test.age)
		}
	})

	// It holds for a date of the handler's as well.
	dated := responses.FileResponse{Path: path, Header: responses.Header{"Last-Modified": {"Fri, 31 Dec 9999 23:59:59 GMT"}}}
	sent, err := exchange(t, dated, get("Range: bytes=2-4", "If-Range: Fri, 31 Dec 9999 23:59:59 GMT"))
	require.NoError(t, err)
	assert.Contains(t, sent, "HTTP/1.1 200 OK\r\n")
	assert.Contains(t, sent, "Last-Modified: Fri, 31 Dec 9999 23:59:59 GMT\r\n")
}

// A conditional is a request for a file, and what the file tells of its version.
type conditional struct {
	method    string
	etag      string
	undated   bool
	ahead     bool // of the future
	size      int64
	condition map[string]string
}

var conditionValues = map[string][]string{
	"If-Match":            {"*", `"7"`, `W/"7"`, `"6"`, `"6", "7"`, `"6",W/"7"`, `, "7"`, "nonsense", `"7`, ""},
	"If-None-Match":       {"*", `"7"`, `W/"7"`, `"6"`, `"6", "7"`, `"6",W/"7"`, `, "7"`, "nonsense", `"7`, ""},
	"If-Modified-Since":   {earlier, published, later, future, "yesterday", ""},
	"If-Unmodified-Since": {earlier, published, later, future, "yesterday", ""},
	"If-Range":            {earlier, published, later, future, `"7"`, `W/"7"`, `"6"`, "nonsense", ""},
	"Range":               {"bytes=0-", "bytes=2-4", "bytes=9-", "bytes=10-", "bytes=-3", "bytes=-99", "bytes=-0", "bytes=0-1,5-6", "bytes=5-3", "lines=0-1"},
}

func drawConditional(r *rand.Rand) conditional {
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	c := conditional{
		method: pick("GET", "GET", "GET", "HEAD", "POST"), etag: pick("", `"7"`, `W/"7"`),
		undated: r.IntN(8) == 0, ahead: r.IntN(8) == 0, size: []int64{0, 1, 10}[r.IntN(3)], condition: map[string]string{},
	}
	for name, values := range conditionValues {
		if r.IntN(3) == 0 {
			c.condition[name] = pick(values...)
		}
	}
	return c
}

// modified returns the time of the file.
func (c conditional) modified() time.Time {
	date := published
	if c.undated {
		return time.Unix(0, 0)
	}
	if c.ahead {
		date = future
	}
	modified, err := http.ParseTime(date)
	if err != nil {
		panic(err)
	}
	return modified
}

// byTheBook answers a conditional request as RFC 9110, section 13.2.2, tells it,
// step by step.
func (c conditional) byTheBook() (status int, contentRange string) {
	if c.method == "POST" {
		return 200, ""
	}
	current := c.modified()
	date := func(name string) (time.Time, bool) {
		d, err := http.ParseTime(c.condition[name])
		return d, err == nil && !c.undated
	}
	isListed := func(list string, equal func(tag string) bool) bool {
		for tag := range strings.SplitSeq(list, ",") { // no tag here has a comma
			tag = strings.TrimSpace(tag)
			if tag == "*" || c.etag != "" && equal(tag) {
				return true
			}
		}
		return false
	}
	strong := func(tag string) bool { return tag == c.etag && !strings.HasPrefix(tag, "W/") }
	weak := func(tag string) bool { return strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(c.etag, "W/") }

	// 1. and 2.
	if list, ok := c.condition["If-Match"]; ok {
		if !isListed(list, strong) {
			return 412, ""
		}
	} else if since, ok := date("If-Unmodified-Since"); ok && current.After(since) {
		return 412, ""
	}
	// 3. and 4.
	if list, ok := c.condition["If-None-Match"]; ok {
		if isListed(list, weak) {
			return 304, ""
		}
	} else if since, ok := date("If-Modified-Since"); ok && !current.After(since) && !c.ahead {
		return 304, ""
	}
	// 5.
	if condition, ok := c.condition["If-Range"]; ok {
		since, isDate := date("If-Range")
		sameDate := isDate && since.Equal(current) && !c.ahead
		sameTag := strings.HasPrefix(condition, `"`) && strong(condition)
		if !sameDate && !sameTag {
			return 200, ""
		}
	}
	if c.method != "GET" || c.size == 0 {
		return 200, ""
	}
	var first, last int64
	switch c.condition["Range"] {
	case "bytes=0-":
		first, last = 0, c.size-1
	case "bytes=2-4":
		first, last = 2, 4
	case "bytes=9-":
		first, last = 9, c.size-1
	case "bytes=10-", "bytes=-0":
		first, last = c.size, c.size
	case "bytes=-3":
		first, last = max(0, c.size-3), c.size-1
	case "bytes=-99":
		first, last = 0, c.size-1
	default:
		return 200, ""
	}
	if first >= c.size {
		return 416, fmt.Sprintf("bytes */%d", c.size)
	}
	return 206, fmt.Sprintf("bytes %d-%d/%d", first, last, c.size)
}

// standardDiffers reports whether net/http answers otherwise, and may: it knows
// ranges for every method and several of them, and refuses those that it can't
// read; what it makes of the last bytes of none, bytes 0--1/0, is no range; an empty
// condition is none to it, and a date of the future one like others.
func (c conditional) standardDiffers() bool {
	for _, name := range []string{"If-Match", "If-None-Match", "If-Range"} {
		if value, ok := c.condition[name]; ok && value == "" {
			return true
		}
	}
	if c.ahead {
		return true
	}
	switch c.condition["Range"] {
	case "bytes=0-1,5-6", "bytes=5-3", "lines=0-1", "bytes=-0":
		return true
	case "bytes=-3", "bytes=-99":
		if c.size == 0 {
			return true
		}
	}
	return c.method == "POST" || c.method == "HEAD" && c.condition["Range"] != ""
}

func TestFileConditionsByTheBook(t *testing.T) {
	directory := t.TempDir()
	r := rand.New(rand.NewPCG(3, 1))
	counts := map[int]int{}
	for range 10_000 {
		c := drawConditional(r)
		modified := c.modified()
		path := filepath.Join(directory, fmt.Sprint(c.size, modified.Unix()))
		if _, err := os.Stat(path); err != nil {
			require.NoError(t, os.WriteFile(path, []byte("0123456789")[:c.size], 0o600))
			require.NoError(t, os.Chtimes(path, modified, modified))
		}
		var raw fasthttp.RequestCtx
		raw.Request.Header.SetMethod(c.method)
		for name, value := range c.condition {
			raw.Request.Header.Set(name, value)
		}
		response := responses.FileResponse{Path: path}
		if c.etag != "" {
			response.Header = responses.Header{"ETag": {c.etag}}
		}
		_ = answer(&raw, response)
		status, contentRange := c.byTheBook()
		require.Equal(t, status, raw.Response.StatusCode(), "%+v", c)
		require.Equal(t, contentRange, string(raw.Response.Header.Peek("Content-Range")), "%+v", c)
		require.NoError(t, raw.Response.CloseBodyStream())
		counts[status]++

		if c.standardDiffers() {
			continue
		}
		counts[0]++
		request := httptest.NewRequest(c.method, "/", nil)
		for name, value := range c.condition {
			request.Header.Set(name, value)
		}
		recorder := httptest.NewRecorder()
		if c.etag != "" {
			recorder.Header().Set("Etag", c.etag)
		}
		http.ServeContent(recorder, request, "", modified, bytes.NewReader([]byte("0123456789")[:c.size]))
		require.Equal(t, recorder.Code, status, "%+v", c)
		require.Equal(t, recorder.Header().Get("Content-Range"), contentRange, "%+v", c)
	}
	for _, status := range []int{0, 200, 206, 304, 412, 416} {
		assert.Greater(t, counts[status], 100, "too few of %d", status)
	}
}
