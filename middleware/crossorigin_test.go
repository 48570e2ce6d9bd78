package middleware_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/routing"
)

func protectedApp(trusted ...string) *velithon.App {
	app := newApp()
	app.Use(middleware.CrossOriginProtection(trusted...))
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		app.Handle(method, "/", routing.NewEndpoint(empty))
	}
	return app
}

func TestCrossOriginProtection(t *testing.T) {
	s := serve(t, protectedApp("https://shop.example"))
	for _, test := range []struct {
		site, origin string
		passes       bool
	}{
		{"", "", true}, // no browser
		{"same-origin", "http://test", true},
		{"none", "", true},
		{"same-site", "http://a.test", false},
		{"cross-site", "https://evil.example", false},
		{"cross-site", "null", false},
		{"cross-site", "", false},
		{"cross-site", "http://test", false}, // what the browser says of it counts
		{"cross-site", "https://shop.example", true},
		{"Same-Origin", "", false},
		{"something-new", "http://test", false},
		{strings.Repeat("s", 7000), "", false},

		{"", "http://test", true},
		{"", "https://test", true}, // of TLS nothing is known behind a proxy
		{"", "http://TEST", true},
		{"", "http://test:8080", false},
		{"", "http://evil@test", false}, // golang/go#78563
		{"", "http://evil.example#@test", false},
		{"", "http://test/", false},
		{"", "http://test.evil.example", false},
		{"", "null", false},
		{"", "test", false},
		{"", "://test", true}, // no browser has it
		{"", "https://shop.example", true},
		{"", "https://shop.example.evil.example", false},
		{"", strings.Repeat("o", 7000), false},
	} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"} {
			var header []string
			if test.site != "" {
				header = append(header, "Sec-Fetch-Site: "+test.site)
			}
			if test.origin != "" {
				header = append(header, "Origin: "+test.origin)
			}
			response, body := s.do(method, "/", header...)
			if test.passes || method == "GET" || method == "HEAD" || method == "OPTIONS" {
				require.Equal(t, 200, response.StatusCode, "%s %.60v", method, test)
				continue
			}
			require.Equal(t, 403, response.StatusCode, "%s %.60v", method, test)
			require.JSONEq(t, `{"title":"Forbidden","status":403,"detail":"a page of another origin has sent this request"}`, body)
		}
	}
}

// For what browsers send it says the same as net/http's.
func TestCrossOriginProtectionAsOfNetHTTP(t *testing.T) {
	const trusted = "https://shop.example"
	protection := http.NewCrossOriginProtection()
	require.NoError(t, protection.AddTrustedOrigin(trusted))
	s := serve(t, protectedApp(trusted))
	rapid.Check(t, func(t *rapid.T) {
		header := []string{"X-A: 1"}
		if site := rapid.SampledFrom([]string{"", "same-origin", "same-site", "cross-site", "none", "x"}).Draw(t, "site"); site != "" {
			header = append(header, "Sec-Fetch-Site: "+site)
		}
		origin := rapid.SampledFrom([]string{"", "null", "http://test", "https://test", "http://test:1", "http://evil.example", trusted, trusted + ":1"}).Draw(t, "origin")
		if origin != "" {
			header = append(header, "Origin: "+origin)
		}
		method := rapid.SampledFrom([]string{"GET", "POST", "DELETE", "OPTIONS"}).Draw(t, "method")
		request, err := http.NewRequest(method, "http://test/", http.NoBody)
		require.NoError(t, err)
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			request.Header.Set(name, value)
		}
		response, _ := s.do(method, "/", header...)
		require.Equal(t, protection.Check(request) == nil, response.StatusCode == 200, "%s %v", method, header)
	})
}

func TestMistakesWithCrossOriginProtection(t *testing.T) {
	require.Contains(t, panicOf(func() { middleware.CrossOriginProtection("shop.example") }),
		`velithon: CrossOriginProtection: "shop.example" is no origin that a browser sends: want scheme://host`)
}
