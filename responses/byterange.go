package responses

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteRange is a part of a file. A length of 0 means that it lies outside.
type byteRange struct{ start, length int64 }

// contentRange returns the value of Content-Range for r in a file of size bytes.
func (r byteRange) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", r.start, r.start+r.length-1, size)
}

// parseRange reads the value of a Range header for a file of size bytes:
// "bytes=0-99", "bytes=100-" or "bytes=-100" (the last 100). It returns false
// for all else, several parts among it, which RFC 9110 lets a server answer with
// the whole file.
func parseRange(value string, size int64) (byteRange, bool) {
	unit, spec, _ := strings.Cut(value, "=")
	first, last, found := strings.Cut(strings.Trim(spec, " \t"), "-")
	if !strings.EqualFold(unit, "bytes") || !found {
		return byteRange{}, false
	}

	if first == "" {
		suffix, ok := parseOffset(last)
		length := min(suffix, size)
		return byteRange{size - length, length}, ok
	}

	start, ok := parseOffset(first)
	if !ok {
		return byteRange{}, false
	}
	end := int64(math.MaxInt64)
	if last != "" {
		if end, ok = parseOffset(last); !ok || end < start {
			return byteRange{}, false
		}
	}
	if start >= size {
		return byteRange{}, true
	}
	return byteRange{start, min(end, size-1) - start + 1}, true
}

// parseOffset reads digits. An offset that no file can have is as good as the
// largest one.
func parseOffset(digits string) (int64, bool) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	offset, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return math.MaxInt64, true // digits alone fail by their number only
	}
	return offset, true
}
