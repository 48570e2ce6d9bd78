package routing_test

import (
	"context"
	"encoding/json"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

func TestWhatIsReusable(t *testing.T) {
	type nested struct{ List [2]struct{ Self selfish } }
	for name, test := range map[string]struct {
		is, want bool
	}{
		"nothing":            {reusable[struct{}, string](), true},
		"plain":              {reusable[everything, echo](), true},
		"time":               {reusable[struct{ At time.Time }, time.Time](), true},
		"optional":           {reusable[struct{ A params.Optional[int] }, struct{ A params.Optional[int] }](), true},
		"optional that is":   {reusable[struct{ A params.Optional[selfish] }, string](), false},
		"dates":              {reusable[struct{ On params.Date }, struct{ Every params.Duration }](), true},
		"behind a pointer":   {reusable[struct{ Self *selfish }, *selfish](), true},
		"in a slice":         {reusable[[]selfish, map[string]selfish](), true},
		"any":                {reusable[struct{}, any](), true},
		"input decodes":      {reusable[selfish, string](), false},
		"part decodes":       {reusable[nested, string](), false},
		"output encodes":     {reusable[struct{}, selfish](), false},
		"part encodes":       {reusable[struct{}, nested](), false},
		"encodes a copy":     {reusable[struct{}, netip.Addr](), true},
		"decodes":            {reusable[netip.Addr, string](), false},
		"a number":           {reusable[struct{}, big.Int](), false},
		"raw JSON":           {reusable[json.RawMessage, json.RawMessage](), false},
		"text":               {reusable[struct{}, responses.TextResponse](), true},
		"JSON":               {reusable[struct{}, responses.JSONResponse[echo, *background.Tasks]](), true},
		"JSON that encodes":  {reusable[struct{}, responses.JSONResponse[selfish, *background.Tasks]](), false},
		"own response":       {reusable[struct{}, arrayResponse](), false},
		"own, by a pointer":  {reusable[struct{}, *arrayResponse](), true},
		"own, as a response": {reusable[struct{}, responses.Response](), true},
		"decodes as json/v2": {reusable[selfishV2, string](), false},
		"encodes as json/v2": {reusable[struct{}, selfishV2](), false},
		"says it is zero":    {reusable[struct{}, selfishZero](), false},
		"own, with another":  {reusable[struct{}, struct{ responses.TextResponse }](), false},
	} {
		assert.Equal(t, test.want, test.is, name)
	}
	assert.True(t, routing.Reflected(t, hello).Reusable())
	assert.False(t, routing.Reflected(t, func(context.Context, selfish) (string, error) { return "", nil }).Reusable())
}

func reusable[In, Out any]() bool {
	return routing.NewEndpoint(func(context.Context, In) (out Out, err error) { return out, err }).Reusable()
}

// selfishV2 has the methods of encoding/json/v2, whose types are not looked at.
type selfishV2 struct{}

func (*selfishV2) UnmarshalJSONFrom(any) error { return nil }
func (*selfishV2) MarshalJSONTo(any) error     { return nil }

type selfishZero struct{}

func (*selfishZero) IsZero() bool { return true }
