package params_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/params"
)

// What users of other frameworks have reported about these features.
func TestReportsToPeers(t *testing.T) {
	// danielgtaylor/huma#627: a default took the place of a false that was sent.
	type list struct {
		Items []struct {
			ID       int  `json:"id"`
			Verified bool `json:"verified,omitempty" default:"true"`
		} `json:"items,omitempty"`
		// danielgtaylor/huma#907: omitempty with a default panicked.
		Name *string `json:"name,omitempty" default:"n"`
	}
	in := accept[list](t, request{body: `{"items":[{"id":1,"verified":false},{"id":2}]}`})
	assert.False(t, in.Items[0].Verified)
	assert.True(t, in.Items[1].Verified)
	assert.Equal(t, "n", *in.Name)

	// golang/go#41144: an UnmarshalJSON in between hid unknown members from
	// DisallowUnknownFields. Also where the codec reads the body, since a key comes twice.
	type patch struct {
		Home params.Optional[sender]              `json:"home"`
		All  params.Optional[[]*sender]           `json:"all"`
		By   map[string]params.Optional[*sender]  `json:"by"`
		Note params.Optional[string]              `json:"note"`
		Next *params.Optional[map[string]*sender] `json:"next"`
	}
	for _, twice := range []string{"", `"note":"a","note":"b",`} {
		assert.Equal(t, []string{"body #/home/zip unknown", "body #/all/0/x unknown", "body #/by/k/y unknown", "body #/next/z/w unknown"},
			faults[patch](t, `{`+twice+`"home":{"name":"ab","zip":1},"all":[{"x":1}],"by":{"k":{"y":1}},"next":{"z":{"w":1}}}`, rejecting))
		// Defaults and rules hold in there, too.
		in := accept[patch](t, request{body: `{` + twice + `"home":{},"all":[{}],"by":{"k":{}}}`})
		home, _ := in.Home.Get()
		all, _ := in.All.Get()
		by, _ := in.By["k"].Get()
		assert.Equal(t, []string{"localhost", "localhost", "localhost"}, []string{home.Host, all[0].Host, by.Host})
		assert.Equal(t, []string{"body #/home/name min"}, faults[patch](t, `{`+twice+`"home":{"name":"a"}}`))
	}

	// guregu/null#10 and danielgtaylor/huma#634: an empty text was null, and null was absent.
	empty := accept[patch](t, request{body: `{"note":""}`})
	note, given := empty.Note.Get()
	assert.Empty(t, note)
	assert.True(t, given)

	// gin-gonic/gin#4098: a date that was left empty in a form. #3303, golang/go#21932: a
	// box that is ticked.
	type form struct {
		Born  params.Date                  `form:"born"`
		From  params.Optional[params.Date] `form:"from"`
		Terms params.Checkbox              `form:"terms" validate:"required,eq=true"`
	}
	assert.Equal(t, form{Terms: true}, accept[form](t, request{contentType: urlencoded, body: "born=&from=&terms=on"}))
	assert.Equal(t, []string{"form terms required"}, brief(refuse[form](t, request{contentType: urlencoded, body: "born=2026-12-01"})))

	// gin-gonic/gin#4335 and gofiber/fiber#2858: for one model, in the body and the query.
	type model struct {
		Page int    `query:"page"`
		Body sender `body:""`
	}
	r := request{uri: "/?page=1&pgae=2", body: `{"naem":"ab"}`}
	assert.Equal(t, []string{"body #/naem unknown", "query pgae unknown"}, brief(refuse[model](t, r, rejecting)))
	accept[model](t, r)
}
