package params_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
)

// Paging is shared by every list.
type Paging struct {
	Limit  int `query:"limit" default:"20" validate:"min=1,max=100"`
	Offset int `query:"offset" validate:"min=0"`
}

type ListOrders struct {
	Paging
	Shop  string     `path:"shop"`
	Since *time.Time `query:"since"` // nil when absent
	Tags  []string   `query:"tag"`   // ?tag=a&tag=b
	Trace string     `header:"X-Trace"`
	Theme string     `cookie:"theme" default:"light" validate:"oneof=light dark"`
}

func Example() {
	plan, err := params.Compile(reflect.TypeFor[ListOrders](), params.Options{PathParams: []string{"shop"}})
	if err != nil {
		panic(err) // a mistake in the type, and the text says which
	}

	raw := get("/shops/berlin/orders?limit=5&tag=new&tag=paid")
	path := params.PathValues{Names: []string{"shop"}, Path: "/shops/berlin"} // as the router does
	path.Add(len("/shops/"), len("/shops/berlin"))
	params.SetPath(raw, &path)
	var in ListOrders
	fmt.Println(plan.Decode(raw, &in))
	fmt.Println(in.Shop, in.Limit, in.Since == nil, in.Tags, in.Theme)

	raw = get("/shops/berlin/orders?limit=500&since=yesterday")
	fmt.Println(plan.Decode(raw, &ListOrders{}))
	// Output:
	// <nil>
	// berlin 5 true [new paid] light
	// params: query limit: must be at most 100; query since: must be a date and time of RFC 3339, such as 2026-01-02T15:04:05Z
}

type NewOrder struct {
	Source string `query:"source" default:"web" validate:"oneof=web app"`
	Order  Order  `body:"" validate:"required"`
}

type Order struct {
	Email string `json:"email" validate:"required,email"`
	Items []Item `json:"items" validate:"required,min=1"`
}

type Item struct {
	SKU string `json:"sku" validate:"required"`
	Qty int    `json:"qty" validate:"required,max=10"` // 0 is a quantity
}

func Example_body() {
	plan, err := params.Compile(reflect.TypeFor[NewOrder](), params.Options{})
	if err != nil {
		panic(err)
	}
	err = plan.Decode(post("/order?source=fax", `{"email":"ann","items":[{"sku":"pen","qty":0},{"sku":"ink"}]}`), &NewOrder{})
	faults := json.NewEncoder(os.Stdout)
	faults.SetIndent("", "  ")
	if invalid, ok := errors.AsType[*params.Error](err); ok {
		err = faults.Encode(invalid.Faults)
	}
	if err != nil {
		panic(err)
	}
	// Output:
	// [
	//   {
	//     "in": "query",
	//     "name": "source",
	//     "code": "oneof",
	//     "detail": "must be one of: web, app"
	//   },
	//   {
	//     "in": "body",
	//     "pointer": "#/items/1/qty",
	//     "code": "required",
	//     "detail": "is required"
	//   },
	//   {
	//     "in": "body",
	//     "pointer": "#/email",
	//     "code": "email",
	//     "detail": "must be an e-mail address"
	//   }
	// ]
}

func ExampleOptions() {
	v := params.NewValidator()
	err := v.RegisterValidation("sku", func(fl validator.FieldLevel) bool {
		return len(fl.Field().String()) == 8
	})
	if err != nil {
		panic(err)
	}

	type Lookup struct {
		SKU string `query:"sku" validate:"required,sku"`
	}
	plan, err := params.Compile(reflect.TypeFor[Lookup](), params.Options{Validator: v})
	if err != nil {
		panic(err)
	}
	fmt.Println(plan.Decode(get("/?sku=x"), &Lookup{}))
	// Output: params: query sku: does not satisfy sku
}

func ExampleRegisterText() {
	v := params.NewValidator()
	v.RegisterAlias("nickname", "min=3,max=20,alphanum")
	params.RegisterText(v, "nickname", "must be 3 to 20 letters and digits")
	params.RegisterText(v, "gtefield", "must not be smaller than {field}")
	params.RegisterTypeText[netip.Addr](v, "must be an address such as 192.0.2.1")

	type Search struct {
		Nickname string     `query:"nickname" validate:"nickname"`
		Min      int        `query:"min"`
		Max      int        `query:"max" validate:"gtefield=Min"`
		From     netip.Addr `query:"from"`
	}
	plan, err := params.Compile(reflect.TypeFor[Search](), params.Options{Validator: v})
	if err != nil {
		panic(err)
	}
	var request fasthttp.RequestCtx
	request.Request.SetRequestURI("/?nickname=a&min=2&max=1&from=here")
	if invalid, ok := errors.AsType[*params.Error](plan.Decode(&request, new(Search))); ok {
		for _, fault := range invalid.Faults {
			fmt.Println(fault.Name, fault.Detail)
		}
	}
	// Output:
	// nickname must be 3 to 20 letters and digits
	// max must not be smaller than min
	// from must be an address such as 192.0.2.1
}

func ExampleTypeError() {
	type Search struct {
		Text  string         `query:"q"`
		Where map[string]int `query:"where"`
	}
	_, err := params.Compile(reflect.TypeFor[Search](), params.Options{})
	fmt.Println(err)
	// Output: input type params_test.Search, field Where: has type map[string]int, which has no conversion from text: use a string, bool, number, time.Time, time.Duration, a type with UnmarshalText, or a slice or pointer of these
}

type Profile struct {
	Name   string        `form:"name" validate:"required"`
	Avatar params.File   `form:"avatar" validate:"required"`
	Photos []params.File `form:"photo" validate:"max=5"`
}

func ExampleFile() {
	plan, err := params.Compile(reflect.TypeFor[Profile](), params.Options{})
	if err != nil {
		panic(err)
	}
	raw := post("/profile", "--b\r\n"+
		"Content-Disposition: form-data; name=\"name\"\r\n\r\nAnn\r\n--b\r\n"+
		"Content-Disposition: form-data; name=\"avatar\"; filename=\"../ann.txt\"\r\n\r\n:-)\r\n--b--\r\n")
	raw.Request.Header.SetContentType("multipart/form-data; boundary=b")
	var in Profile
	if err := plan.Decode(raw, &in); err != nil {
		panic(err)
	}
	defer plan.Release(&in) // the router does it after the background work

	file, err := in.Avatar.Open()
	if err != nil {
		panic(err)
	}
	defer file.Close()
	text := make([]byte, in.Avatar.Size)
	if _, err := file.Read(text); err != nil {
		panic(err)
	}
	fmt.Printf("%s sent %s: %s\n", in.Name, in.Avatar.Name, text)
	// Output: Ann sent ann.txt: :-)
}

func get(uri string) *fasthttp.RequestCtx { return request{uri: uri}.ctx() }

func post(uri, body string) *fasthttp.RequestCtx { return request{uri: uri, body: body}.ctx() }
