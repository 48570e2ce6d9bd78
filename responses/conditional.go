package responses

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// choice is how a file answers a request: with which status, which part of it,
// and what the header tells of that.
type choice struct {
	status int
	part   byteRange
	fields []field
}

// choose reads the conditions and the range of a request for a file. They count
// where the answer would otherwise be a 200 with all of it.
func choose(raw *fasthttp.RequestCtx, r FileResponse, info fs.FileInfo) (choice, error) {
	size := info.Size()
	whole := choice{status: r.Status, part: byteRange{0, size}}
	status := r.Status
	if status == 0 {
		status = raw.Response.StatusCode()
	}
	if status != fasthttp.StatusOK || !raw.IsGet() && !raw.IsHead() {
		return whole, nil
	}

	v := versionOf(&raw.Response, r.Header, info)
	if v.dated {
		lastModified := string(fasthttp.AppendHTTPDate(nil, v.modified))
		whole.fields = []field{{fasthttp.HeaderLastModified, lastModified}}
		if r.Tagged && v.tag == "" {
			v.tag = fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), size)
			whole.fields = append(whole.fields, field{fasthttp.HeaderETag, v.tag})
		}
	}
	switch v.precondition(&raw.Request.Header) {
	case fasthttp.StatusPreconditionFailed:
		return choice{}, NewProblem(fasthttp.StatusPreconditionFailed, "the file is not the version that the request is for")
	case fasthttp.StatusNotModified:
		return choice{status: fasthttp.StatusNotModified, fields: whole.fields}, nil
	}

	whole.fields = append(whole.fields, field{fasthttp.HeaderAcceptRanges, "bytes"})
	if !raw.IsGet() || size == 0 || !v.allowsRange(&raw.Request.Header) {
		return whole, nil // an empty file has no part; what a client lacks of it is nothing
	}
	wanted, _ := fieldValue(&raw.Request.Header, fasthttp.HeaderRange)
	part, ok := parseRange(wanted, size)
	if !ok {
		return whole, nil
	}
	if part.length == 0 {
		problem := NewProblem(fasthttp.StatusRequestedRangeNotSatisfiable, "the range lies outside of the file")
		problem.Header = Header{fasthttp.HeaderContentRange: {fmt.Sprintf("bytes */%d", size)}}
		return choice{}, problem
	}
	contentRange := field{fasthttp.HeaderContentRange, part.contentRange(size)}
	return choice{fasthttp.StatusPartialContent, part, append(whole.fields, contentRange)}, nil
}

// A version is what the answer tells of a file's version, by which a client
// asks later whether it has the current one.
type version struct {
	tag      string    // the ETag, quoted as it is sent; "" for none
	modified time.Time // zero where it is not known
	dated    bool      // modified tells the version from all others
}

// versionOf returns the version of a file. What the handler sets in the header,
// or a middleware has set, is what the client sees, so it counts.
func versionOf(response *fasthttp.Response, header Header, info fs.FileInfo) version {
	v := version{tag: header.value(fasthttp.HeaderETag)}
	if v.tag == "" {
		v.tag = string(response.Header.Peek(fasthttp.HeaderETag))
	}
	if set := header.value(fasthttp.HeaderLastModified); set != "" {
		v.modified, _ = http.ParseTime(set) // zero if it can't be read
	} else {
		v.modified = modifiedAt(info)
	}
	// The second has to be over, also by Date, which is up to a second old: until
	// then the file may change once more and keep its date (RFC 9110, section
	// 8.8.2.2). So each date that a client gets is a strong validator. A date that
	// is yet to come is none of the file's versions.
	v.dated = !v.modified.IsZero() && time.Since(v.modified) >= 2*time.Second
	return v
}

// modifiedAt returns when a file was modified, in the whole seconds HTTP knows,
// or the zero time where that is not known: some builds date all files to the
// beginning of Unix time, which would make every version look like the first.
func modifiedAt(info fs.FileInfo) time.Time {
	modified := info.ModTime().UTC().Truncate(time.Second)
	if modified.Unix() == 0 {
		return time.Time{}
	}
	return modified
}

// precondition evaluates the conditions of a GET or HEAD in the order of RFC
// 9110, section 13.2.2. It returns 412, 304, or 200 for an answer as if there
// were none. A date that can't be read is no condition; a list of tags that can't
// be, or is empty, has none that matches.
func (v version) precondition(h *fasthttp.RequestHeader) int {
	if tags, ok := fieldValue(h, fasthttp.HeaderIfMatch); ok {
		if !matchesTag(tags, v.tag, isSameTag) {
			return fasthttp.StatusPreconditionFailed
		}
	} else if since, ok := dateOf(h, fasthttp.HeaderIfUnmodifiedSince); ok && v.modified.After(since) {
		return fasthttp.StatusPreconditionFailed
	}
	if tags, ok := fieldValue(h, fasthttp.HeaderIfNoneMatch); ok {
		if matchesTag(tags, v.tag, isSimilarTag) {
			return fasthttp.StatusNotModified
		}
	} else if since, ok := dateOf(h, fasthttp.HeaderIfModifiedSince); ok && v.dated && !v.modified.After(since) {
		return fasthttp.StatusNotModified
	}
	return fasthttp.StatusOK
}

// allowsRange reports whether a Range counts: always without If-Range, and
// beside it for the same version of the file only (RFC 9110, section 13.1.5).
func (v version) allowsRange(h *fasthttp.RequestHeader) bool {
	condition, ok := fieldValue(h, fasthttp.HeaderIfRange)
	if !ok {
		return true
	}
	if date, err := http.ParseTime(condition); err == nil {
		return v.dated && date.Equal(v.modified)
	}
	return isSameTag(condition, v.tag)
}

// matchesTag reports whether a list of entity tags has one that equals tag, or
// is "*", which every version matches (RFC 9110, sections 13.1.1 and 13.1.2).
func matchesTag(list, tag string, equal func(a, b string) bool) bool {
	if list == "*" {
		return true
	}
	for {
		first, rest, ok := cutTag(strings.TrimLeft(list, " \t,"))
		if !ok {
			return false // the end, or what is no tag
		}
		if equal(first, tag) {
			return true
		}
		list = rest
	}
}

// cutTag cuts the entity tag off the beginning of s, such as "a" or W/"a".
func cutTag(s string) (tag, rest string, ok bool) {
	opaque, opened := strings.CutPrefix(strings.TrimPrefix(s, "W/"), `"`)
	_, rest, closed := strings.Cut(opaque, `"`)
	return s[:len(s)-len(rest)], rest, opened && closed
}

// isSameTag is the strong comparison of RFC 9110, section 8.8.3.2: a weak tag
// equals none, itself included.
func isSameTag(a, b string) bool { return a == b && strings.HasPrefix(a, `"`) }

// isSimilarTag is the weak comparison.
func isSimilarTag(a, b string) bool {
	return strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/")
}

// dateOf returns a field that is a date, in any of the forms of RFC 9110,
// section 5.6.7.
func dateOf(h *fasthttp.RequestHeader, name string) (time.Time, bool) {
	value, _ := fieldValue(h, name)
	date, err := http.ParseTime(value)
	return date, err == nil
}

// fieldValue returns the value of a field, whose lines are one list (RFC 9110,
// section 5.3): two of a field that is no list make a value that can't be read. ok
// is false for a field that is not there.
func fieldValue(h *fasthttp.RequestHeader, name string) (value string, ok bool) {
	lines := h.PeekAll(name)
	return string(bytes.Join(lines, []byte(", "))), len(lines) > 0
}
