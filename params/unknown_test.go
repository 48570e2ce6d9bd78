package params_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

var rejecting = params.Options{RejectUnknown: true}

type parcel struct {
	To struct {
		City string `json:"city"`
	} `json:"to"`
	Items []struct {
		SKU  string            `json:"sku" validate:"required"`
		Tags map[string]string `json:"tags"`
	} `json:"items"`
	By   map[string]struct{ N int } `json:"by"`
	Pair [2]struct{ N int }         `json:"pair"`
	Any  any                        `json:"any"`
	Gone int                        `json:"-"`
	Self nullText                   `json:"self"`
}

func TestUnknownMembers(t *testing.T) {
	for body, want := range map[string][]string{
		`{"to":{"city":"x"},"items":[{"sku":"a","tags":{"free":"x"}}],"by":{"any":{"n":1}},"any":{"x":1},"self":"x"}`: {},
		`{"CITY":1,"to":{"CITY":"x"}}`:                    {"body #/CITY unknown"},
		`{"zip":1,"to":{"city":"x","zip":null}}`:          {"body #/zip unknown", "body #/to/zip unknown"},
		`{"items":[{"sku":"a"},{"skU":"b","qty":1},{}]}`:  {"body #/items/1/qty unknown", "body #/items/2/sku required"},
		`{"by":{"k":{"m":1}},"pair":[{"n":1},{"m":[1]}]}`: {"body #/by/k/m unknown", "body #/pair/1/m unknown"},
		`{"Gone":1,"-":2,"Gone":3}`:                       {"body #/Gone unknown", "body #/- unknown"},
		`{"a/b~":{"x":1}}`:                                {"body #/a~1b~0 unknown"},
		`{"to":7,"x":1}`:                                  {"body #/to type", "body #/x unknown"},
		`{"":1}`:                                          {"body #/ unknown"},
		`{"to":{"a":{"b":1}}}`:                            {"body #/to/a unknown"},
	} {
		assert.Equal(t, want, faults[parcel](t, body, rejecting), body)
		same := slices.DeleteFunc(faults[parcel](t, byCodec(body), rejecting), func(line string) bool { return line == "body #/deep unknown" })
		assert.Equal(t, want, same, body)
		assert.NotContains(t, strings.Join(faults[parcel](t, body), " "), "unknown", "ignored without the option: %s", body)
	}
	type field struct {
		Order parcel `body:""`
	}
	assert.Equal(t, []string{"body #/x unknown: is unknown"}, told(refuse[field](t, request{body: `{"x":1}`}, rejecting)))
	assert.Equal(t, []string{"body #/0/x unknown"}, brief(refuse[[]parcel](t, request{body: `[{"x":1}]`}, rejecting)))
	assert.Empty(t, faults[map[string]int](t, `{"x":1}`, rejecting))
	assert.Empty(t, faults[field](t, `null`, rejecting))
}

func TestUnknownQueryNames(t *testing.T) {
	type query struct {
		Limit int      `query:"limit"`
		Tags  []string `query:"tag"`
		Trace string   `header:"X-Trace"`
	}
	for uri, want := range map[string][]string{
		"/?limit=1&tag=a&tag=b&&":             {},
		"/?":                                  {},
		"/?limit=x&offset=1&offset=2&Limit=3": {"query limit type", "query offset unknown", "query Limit unknown"},
		"/?%6cimit=1&a%20b":                   {"query a b unknown"},
		"/?%ff=1&%ff=2":                       {"query \uFFFD unknown"},
		"/?" + strings.Repeat("x", 600):       {"query " + strings.Repeat("x", 512) + " unknown"},
	} {
		_, err := decode[query](t, request{uri: uri, header: [][2]string{{"X-Other", "1"}, {"Cookie", "a=b"}}}, rejecting)
		if len(want) == 0 {
			require.NoError(t, err, uri)
			continue
		}
		assert.Equal(t, want, brief(asError(t, err)), uri)
		_, err = decode[query](t, request{uri: strings.ReplaceAll(uri, "limit=x", "")})
		assert.NoError(t, err, uri)
	}
	assert.Equal(t, []string{"query x unknown: is unknown"}, told(refuse[struct{}](t, request{uri: "/?x"}, rejecting)))
	assert.False(t, compile[struct{}](t, rejecting).IsEmpty())
	assert.True(t, compile[struct{}](t).IsEmpty())
	assert.Equal(t, []string{"body #/x unknown", "query page unknown"}, brief(refuse[parcel](t, request{uri: "/?page=1", body: `{"x":1}`}, rejecting)))

	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, "&n%d=1", i)
	}
	err := refuse[query](t, request{uri: "/?" + many.String()}, rejecting)
	assert.Len(t, err.Faults, params.MaxFaults)
	assert.Equal(t, "the request has more invalid or missing values than are listed", err.Detail)
}

func TestUnknownFormFields(t *testing.T) {
	type form struct {
		Name string      `form:"name"`
		File params.File `form:"file"`
	}
	assert.Equal(t, []string{"form surname unknown"},
		brief(refuse[form](t, request{contentType: urlencoded, body: "name=ada&surname=x&file=x&surname=y"}, rejecting)))
	const head = "--b\r\nContent-Disposition: form-data; name=%q\r\n\r\nx\r\n"
	multipart := request{contentType: "multipart/form-data; boundary=b", body: fmt.Sprintf(head+head+head, "name", "z", "a") +
		"--b\r\nContent-Disposition: form-data; name=\"other\"; filename=\"f\"\r\n\r\nx\r\n--b--\r\n"}
	assert.Equal(t, []string{"form a unknown", "form z unknown", "form other unknown"}, brief(refuse[form](t, multipart, rejecting)))
	assert.Equal(t, "x", accept[form](t, multipart).Name)
}

// What the codec drops is not judged: neither its keys nor what it lacks.
func TestElementsBeyondAnArray(t *testing.T) {
	type input struct {
		Pair [1]struct {
			N int `json:"n" validate:"required"`
		} `json:"pair"`
	}
	assert.Empty(t, faults[input](t, `{"pair":[{"n":1},{"m":[1]},7]}`, rejecting))
	assert.Equal(t, []string{"body #/pair/0/n required"}, faults[input](t, `{"pair":[{},{},7]}`))
}
