package responses

import (
	"fmt"
	"io/fs"
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
func choose(raw *fasthttp.RequestCtx, status int, info fs.FileInfo) (choice, error) {
	whole := choice{status: status, part: byteRange{0, info.Size()}}
	if status == 0 {
		status = raw.Response.StatusCode()
	}
	if status != fasthttp.StatusOK || !raw.IsGet() && !raw.IsHead() {
		return whole, nil
	}

	modified := modifiedAt(info)
	if !modified.IsZero() {
		lastModified := string(fasthttp.AppendHTTPDate(nil, modified))
		whole.fields = []field{{fasthttp.HeaderLastModified, lastModified}}
	}
	if isUnmodified(raw, modified) {
		return choice{status: fasthttp.StatusNotModified, fields: whole.fields}, nil
	}

	whole.fields = append(whole.fields, field{fasthttp.HeaderAcceptRanges, "bytes"})
	part, ok := requestedRange(raw, modified, info.Size())
	if !ok {
		return whole, nil
	}
	if part.length == 0 {
		problem := NewProblem(fasthttp.StatusRequestedRangeNotSatisfiable, "the range lies outside of the file")
		problem.Header = Header{fasthttp.HeaderContentRange: {fmt.Sprintf("bytes */%d", info.Size())}}
		return choice{}, problem
	}
	contentRange := field{fasthttp.HeaderContentRange, part.contentRange(info.Size())}
	return choice{fasthttp.StatusPartialContent, part, append(whole.fields, contentRange)}, nil
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

// isUnmodified reports whether the client has the file already, by
// If-Modified-Since. That does not count beside If-None-Match, which no file
// can match here (RFC 9110, section 13.1.3).
func isUnmodified(raw *fasthttp.RequestCtx, modified time.Time) bool {
	if modified.IsZero() || len(raw.Request.Header.Peek(fasthttp.HeaderIfNoneMatch)) > 0 {
		return false
	}
	since, err := fasthttp.ParseHTTPDate(raw.Request.Header.Peek(fasthttp.HeaderIfModifiedSince))
	return err == nil && !since.Before(modified)
}

// requestedRange returns the part of a file that the client asks for, and false
// for all of it. Range counts for GET only, and beside If-Range only for the
// same version of the file (RFC 9110, sections 13.1.5 and 14.2).
func requestedRange(raw *fasthttp.RequestCtx, modified time.Time, size int64) (byteRange, bool) {
	if !raw.IsGet() {
		return byteRange{}, false
	}
	if version := raw.Request.Header.Peek(fasthttp.HeaderIfRange); len(version) > 0 {
		date, err := fasthttp.ParseHTTPDate(version)
		if err != nil || modified.IsZero() || !date.Equal(modified) {
			return byteRange{}, false
		}
	}
	return parseRange(string(raw.Request.Header.Peek(fasthttp.HeaderRange)), size)
}
