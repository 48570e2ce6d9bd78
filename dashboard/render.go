package dashboard

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

//go:embed assets
var files embed.FS

// An asset is a file that pages need, under a name that changes with it.
type asset struct {
	name, contentType string
	content           []byte
}

// A bundle is what all pages are made of. It is loaded by the first Mount: programs that import
// this package for its interfaces do not link it, nor html/template.
type bundle struct {
	assets    []asset
	names     map[string]string // of the assets, by their first words
	version   string            // changes with the assets: a page that was made with others loads itself anew
	templates *template.Template
}

var (
	bundleOnce sync.Once
	theBundle  bundle
)

func load() *bundle {
	bundleOnce.Do(func() {
		style, script := newAsset("style.css", "text/css; charset=utf-8"), newAsset("script.js", "text/javascript; charset=utf-8")
		icon := newAsset("icon.svg", "image/svg+xml")
		theBundle = bundle{
			assets:    []asset{style, script, icon},
			names:     map[string]string{"style": style.name, "script": script.name, "icon": icon.name},
			version:   style.name + " " + script.name,
			templates: template.Must(template.New("").Funcs(functions()).ParseFS(files, "assets/*.html")),
		}
	})
	return &theBundle
}

func newAsset(name, contentType string) asset {
	content, err := files.ReadFile("assets/" + name)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(content)
	first, last, _ := strings.Cut(name, ".")
	return asset{first + "-" + hex.EncodeToString(sum[:6]) + "." + last, contentType, content}
}

func (a *asset) answer() responses.Response {
	r := responses.Bytes(a.contentType, a.content)
	r.Header = responses.Header{"Cache-Control": {"private, max-age=31536000, immutable"}, "X-Content-Type-Options": {"nosniff"}, "Cross-Origin-Resource-Policy": {"same-origin"}}
	return r
}

// functions are those of the templates.
func functions() template.FuncMap {
	return template.FuncMap{
		"name":     func(s string) string { return clean(s, maxName) },
		"text":     func(s string) string { return clean(s, maxText) },
		"long":     func(s string) string { return clean(s, maxLong) },
		"link":     link,
		"ago":      ago,
		"exact":    func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"plain":    func(t time.Time) string { return t.Format("2006-01-02 15:04:05.000 MST") },
		"clock":    func(t time.Time) string { return t.Format("15:04:05 MST") },
		"took":     took,
		"pair":     pair,
		"lasts":    func(t time.Time) string { return took(max(time.Since(t).Truncate(time.Second), 0)) },
		"sentence": sentence,
		"number":   numberOf,
		"state":    stateName,
		"kind": func(kind string) string {
			if kind == "" {
				return "(no kind)"
			}
			return clean(kind, maxName)
		},
	}
}

// stateName is a state as people read it.
func stateName(s background.State) string {
	switch s {
	case background.Limited:
		return "parked"
	case background.Retrying:
		return "to be retried"
	case background.Canceled:
		return "cancelled"
	}
	return s.String()
}

// ago says how far a time is from now, in the coarsest unit.
func ago(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	d := time.Since(t)
	if d < 0 {
		return "in " + took(max(-d, time.Second).Round(time.Second))
	}
	return took(max(d.Truncate(time.Second), 0)) + " ago"
}

// took is a duration with no more than three digits, or two units.
func took(d time.Duration) string {
	switch {
	case d == 0:
		return "0 s"
	case d < time.Millisecond:
		return threeDigits(float64(d)/1e3) + " µs"
	case d < time.Second:
		return threeDigits(float64(d)/1e6) + " ms"
	case d < time.Minute:
		return threeDigits(d.Seconds()) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// pair is p50 and p99; a dash where nothing was counted.
func pair(quantiles [2]time.Duration) string {
	if quantiles[1] == 0 {
		return "–"
	}
	return took(quantiles[0]) + " / " + took(quantiles[1])
}

// threeDigits cuts a number below 1000 down to three digits.
func threeDigits(f float64) string {
	scale := 100.0
	if f >= 100 {
		scale = 1
	} else if f >= 10 {
		scale = 10
	}
	return strconv.FormatFloat(math.Floor(f*scale)/scale, 'f', -1, 64)
}

func numberOf(n any) string {
	switch n := n.(type) {
	case int:
		return grouped(strconv.Itoa(n))
	case uint64:
		return grouped(strconv.FormatUint(n, 10))
	case float64:
		return number(n)
	}
	return fmt.Sprint(n)
}

// number is a number that is no count, such as a rate.
func number(f float64) string {
	if f == math.Trunc(f) || f >= 100 {
		return grouped(strconv.FormatFloat(math.Round(f), 'f', 0, 64))
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

// grouped puts a narrow blank between thousands.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return digits
}
