package params_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

// unpoint reads a JSON pointer in a URI fragment, by the book.
func unpoint(t testing.TB, pointer string) (keys []string) {
	t.Helper()
	u, err := url.Parse(pointer)
	require.NoError(t, err)
	fragment := u.Fragment
	if fragment == "" {
		return nil
	}
	for key := range strings.SplitSeq(fragment[1:], "/") {
		keys = append(keys, strings.NewReplacer("~1", "/", "~0", "~").Replace(key))
	}
	return keys
}

type person struct {
	Name    string            `json:"name" validate:"required"`
	Age     int               `json:"age" validate:"required"`
	Admin   bool              `json:"admin" validate:"required"`
	Height  *float64          `json:"height" validate:"required"`
	Tags    []string          `json:"tags" validate:"required"`
	Any     any               `json:"any" validate:"required"`
	Born    time.Time         `json:"born" validate:"required"`
	Address address           `json:"address" validate:"required"`
	Meta    map[string]string `json:"meta" validate:"required"`
}

type address struct {
	Zip string `json:"zip" validate:"required"`
}

func TestRequiredMeansPresent(t *testing.T) {
	all := `{"name":"","age":0,"admin":false,"height":0,"tags":[],"any":0,"born":"0001-01-01T00:00:00Z","address":{"zip":""},"meta":{}}`
	assert.Empty(t, faults[person](t, all))

	var absent, nulls []string
	for _, name := range []string{"name", "age", "admin", "height", "tags", "any", "born", "address", "meta"} {
		absent = append(absent, "body #/"+name+" required")
		nulls = append(nulls, `"`+name+`":null`)
	}
	assert.Equal(t, absent, faults[person](t, `{}`))
	assert.Equal(t, absent, faults[person](t, "{"+strings.Join(nulls, ",")+"}"))

	assert.Equal(t, []string{"body #/address/zip required"}, faults[person](t, strings.Replace(all, `"zip":""`, "", 1)))
	assert.Equal(t, []string{"body #/address required"}, faults[person](t, strings.Replace(all, `{"zip":""}`, "null", 1)))
	assert.Equal(t, []string{"body #/admin required"}, faults[person](t, strings.Replace(all, `"admin":false,`, "", 1)))
}

type (
	inner struct {
		V int `json:"v" validate:"required"`
	}
	nest struct {
		Value    inner            `json:"value"`
		Pointer  *inner           `json:"pointer"`
		Empty    inner            `json:"empty" validate:"omitempty"`
		Closed   inner            `json:"closed" validate:"-"`
		List     []inner          `json:"list" validate:"dive"`
		Pointers []*inner         `json:"pointers" validate:"dive,required"`
		Map      map[string]inner `json:"map" validate:"dive"`
		Ints     []int            `json:"ints" validate:"dive,required"`
		NoDive   []inner          `json:"nodive"`
		Left     []inner          `json:"left" validate:"-"`
		Matrix   [][]int          `json:"matrix" validate:"dive,dive,max=5"`
		Kids     []nest           `json:"kids" validate:"dive"`
		Next     *nest            `json:"next"`
		Keys     map[string]int   `json:"keys" validate:"dive,keys,max=3,endkeys,max=5"`
		ByInt    map[int]inner    `json:"byint" validate:"dive"`
	}
)

func TestRequiredBelow(t *testing.T) {
	for _, c := range []struct {
		body string
		want []string
	}{
		// A struct is there, sent or not.
		{`{}`, []string{"#/value/v required"}},
		{`{"value":null}`, []string{"#/value/v required"}},
		{`{"value":{}}`, []string{"#/value/v required"}},
		{`{"value":{"v":null}}`, []string{"#/value/v required"}},
		{`{"value":{"v":0}}`, nil},
		{`{"value":{"v":1}}`, nil},
		{`{"value":{"V":0}}`, nil}, // a key's case does not count
		{`{"value":{"\u0076":0}}`, nil},
		// A pointer is nil when absent.
		{`{"value":{"v":0},"pointer":null}`, nil},
		{`{"value":{"v":0},"pointer":{}}`, []string{"#/pointer/v required"}},
		// omitempty makes a struct optional, but not what is in it when sent.
		{`{"value":{"v":0},"empty":null}`, nil},
		{`{"value":{"v":0},"empty":{}}`, []string{"#/empty/v required"}},
		{`{"value":{"v":1},"empty":{}}`, []string{"#/empty/v required"}},
		{`{"value":{"v":0},"empty":{"v":0}}`, nil},
		{`{"value":{"v":0},"closed":{}}`, nil},
		// Lists and maps.
		{`{"value":{"v":0},"list":[{"v":0},{},null]}`, []string{"#/list/1/v required", "#/list/2/v required"}},
		{`{"value":{"v":0},"pointers":[{"v":0},{},null]}`, []string{"#/pointers/1/v required", "#/pointers/2 required"}},
		{`{"value":{"v":0},"map":{"a":{"v":0},"b":{}}}`, []string{"#/map/b/v required"}},
		{`{"value":{"v":0},"byint":{"1":{"v":0},"-7":{}}}`, []string{"#/byint/-7/v required"}},
		{`{"value":{"v":0},"ints":[0,1,null]}`, []string{"#/ints/2 required"}},
		{`{"value":{"v":0},"list":[null]}`, []string{"#/list/0/v required"}},
		{`{"value":{"v":0},"nodive":[{}]}`, []string{"#/nodive/0/v required"}},
		{`{"value":{"v":0},"nodive":[{"v":0},null]}`, []string{"#/nodive/1/v required"}},
		{`{"value":{"v":0},"left":[{}]}`, nil},
		{`{"value":{"v":0},"matrix":[[1],[],[0,6]]}`, []string{"#/matrix/2/1 max"}},
		{`{"value":{"v":0},"keys":{"long key":1}}`, []string{"#/keys/long%20key max"}},
		{`{"value":{"v":0},"keys":{"a":6}}`, []string{"#/keys/a max"}},
		// Recursion.
		{`{"value":{"v":0},"kids":[{"value":{"v":0},"kids":[{}]}]}`, []string{"#/kids/0/kids/0/value/v required"}},
		{`{"value":{"v":0},"next":{"next":{"value":{"v":0}}}}`, []string{"#/next/value/v required"}},
		// Keys given twice.
		{`{"value":{"v":0},"value":{"v":0}}`, nil},
		{`{"value":{"v":0,"v":null}}`, nil},
		{`{"value":{"v":null,"v":0}}`, nil},
		{`{"pointer":{"v":null,"v":null},"value":{}}`, []string{"#/pointer/v required", "#/value/v required"}},
	} {
		want := []string{}
		for _, line := range c.want {
			want = append(want, "body "+line)
		}
		got := faults[nest](t, c.body)
		if len(want) > 1 {
			assert.ElementsMatch(t, want, got, c.body)
		} else {
			assert.Equal(t, want, got, c.body)
		}
	}
	err := refuse[nest](t, request{body: `{"value":{"v":1},"keys":{"long key":1}}`})
	assert.Equal(t, "has a key that must have at most 3 characters", err.Faults[0].Detail)
}

// The elements of a list have the rules of their type whether the field says dive
// or not, however deep they lie, for the readers and the codec alike.
func TestRulesOfElementsNeedNoDive(t *testing.T) {
	type item struct {
		SKU  string `json:"sku" validate:"required,max=3"`
		Qty  int    `json:"qty" validate:"min=1"`
		Kind string `json:"kind" validate:"omitempty,lowercase"` // which only the validator judges
	}
	type tree struct {
		Item item            `json:"item"`
		Kids []*tree         `json:"kids"`
		By   map[string]tree `json:"by"`
	}
	type input struct {
		Slice    []item                          `json:"slice"`
		Pointers []*item                         `json:"pointers"`
		ToSlice  *[]item                         `json:"toslice"`
		Array    *[2]item                        `json:"array"`
		Map      map[string]item                 `json:"map"`
		MapOf    map[string]*item                `json:"mapof"`
		Deep     []map[string][]*[]item          `json:"deep"`
		ByInt    map[int][][1]item               `json:"byint"`
		Bounded  []item                          `json:"bounded" validate:"required,max=2"`
		Tree     *tree                           `json:"tree"`
		Anon     []struct{ In []struct{ item } } `json:"anon"`
	}
	const good = `{"sku":"a","qty":1,"kind":"x"}`
	const bad = `{"qty":0,"kind":"X"}`
	for _, c := range []struct {
		name, before, after string
		pointer             string
	}{
		{"slice", `[` + good + `,`, `]`, "#/slice/1"},
		{"pointers", `[null,`, `]`, "#/pointers/1"},
		{"toslice", `[`, `]`, "#/toslice/0"},
		{"array", `[` + good + `,`, `]`, "#/array/1"},
		{"map", `{"a/b":`, `}`, "#/map/a~1b"},
		{"mapof", `{"n":null,"k":`, `}`, "#/mapof/k"},
		{"deep", `[{},{"k":[null,[` + good + `,`, `]]}]`, "#/deep/1/k/1/1"},
		{"byint", `{"7":[[`, `]]}`, "#/byint/7/0/0"},
		{"tree", `{"item":` + good + `,"kids":[null,{"item":` + good + `,"by":{"x":{"item":`, `}}}]}`, "#/tree/kids/1/by/x/item"},
		{"anon", `[{"In":[` + good + `,`, `]}]`, "#/anon/0/In/1"},
	} {
		for _, more := range []string{`"bounded":[]`, `"\u0062ounded":[]`} { // the second one is the codec's to read
			body := `{` + more + `,"` + c.name + `":` + c.before
			assert.Empty(t, faults[input](t, body+good+c.after+`}`), c.name)
			assert.ElementsMatch(t, []string{"body " + c.pointer + "/sku required", "body " + c.pointer + "/qty min", "body " + c.pointer + "/kind lowercase"},
				faults[input](t, body+bad+c.after+`}`), c.name)
			assert.Equal(t, []string{"body " + c.pointer + "/kind lowercase"},
				faults[input](t, body+`{"sku":"a","qty":1,"kind":"X"}`+c.after+`}`), c.name)
		}
	}
	assert.Equal(t, []string{"body #/bounded/2/sku required", "body #/bounded max", "body #/bounded/2/qty min"},
		faults[input](t, `{"bounded":[`+good+`,`+good+`,{}]}`), "beside the rules of the list")
	assert.Equal(t, []string{"body #/1/0/sku required", "body #/1/0/qty min"}, faults[[][]item](t, `[[],[{}]]`))
}

// An array has all its elements, sent or not, as a struct has its members.
// An object that comes twice is merged, so a part of it that is absent once may be
// there all the same, and breaks its rules.
func TestAPartThatIsAbsentOnce(t *testing.T) {
	type item struct {
		N int `json:"n" validate:"min=1"`
	}
	type input struct {
		Struct struct {
			Part item `json:"part" validate:"omitempty"`
		} `json:"struct" validate:"omitempty"`
		Deep struct {
			Outer struct {
				Part item `json:"part"`
			} `json:"outer" validate:"omitempty"`
		} `json:"deep" validate:"omitempty"`
		Items []item          `json:"items" validate:"dive,omitempty"`
		Array [2]item         `json:"array" validate:"omitempty"`
		Some  [2]item         `json:"some" validate:"omitempty,dive,omitempty"`
		Map   map[string]item `json:"map" validate:"dive,omitempty"`
	}
	for _, parts := range [][2]string{
		{`"struct":{"part":{"n":-5}}`, `"struct":{}`},
		{`"struct":{"part":{"n":-5}}`, `"struct":{"part":null}`},
		{`"struct":{"part":{"n":-5}}`, `"struct":null`},
		{`"struct":{"part":{"n":-5},"part":null}`, `"items":[]`},
		{`"struct":{"part":null,"part":{"n":-5}}`, `"items":[]`},
		{`"deep":{"outer":{"part":{"n":-5}}}`, `"deep":{}`},
		{`"deep":{"outer":{"part":{"n":-5}}}`, `"deep":{"outer":null}`},
		{`"array":[{"n":-5}]`, `"array":null`},
		{`"some":[{"n":1},{"n":-5}]`, `"some":null`},
		{`"map":{"k":{"n":-5}}`, `"map":{"other":null}`},
	} {
		for _, body := range []string{parts[0] + "," + parts[1], parts[1] + "," + parts[0]} {
			assert.NotEmpty(t, faults[input](t, "{"+body+"}"), body)
		}
	}
	// What comes last is what there is.
	for _, body := range []string{
		`"items":[null],"items":[{"n":-5}]`,
		`"array":[{"n":1}],"array":[{"n":1},{"n":-5}]`,
		`"some":[{"n":1}],"some":[{"n":1},{"n":-5}]`,
		`"map":{"k":null,"k":{"n":-5}}`,
		`"map":{"k":null},"map":{"k":{"n":-5}}`,
	} {
		assert.NotEmpty(t, faults[input](t, "{"+body+"}"), body)
	}
	assert.Empty(t, faults[input](t, `{"struct":{},"struct":null,"deep":{},"deep":{"outer":null},"items":[null],"items":[],"array":null,"map":{}}`))
}

func TestElementsOfArraysAreThere(t *testing.T) {
	type input struct {
		Pair  [2]inner  `json:"pair"`
		Empty [2]inner  `json:"empty" validate:"omitempty"`
		Left  [2]inner  `json:"left" validate:"-"`
		Ints  [2]int    `json:"ints" validate:"dive,required"`
		Ptr   *[1]inner `json:"ptr"`
	}
	assert.Equal(t, []string{"body #/pair/0/v required", "body #/pair/1/v required", "body #/ints/0 required", "body #/ints/1 required"}, faults[input](t, `{}`))
	assert.Equal(t, []string{"body #/pair/1/v required", "body #/ints/1 required", "body #/ptr/0/v required", "body #/empty/0/v required", "body #/empty/1/v required"},
		faults[input](t, `{"pair":[{"v":0}],"ints":[0],"ptr":[],"empty":[]}`))
	assert.Empty(t, faults[input](t, `{"pair":[{"v":0},{"v":0}],"ints":[0,0],"left":[]}`))
}

// What is wrong with the elements of a long list costs no more than what is told.
// As with a struct, it takes a rule that leaves out what is absent to make an array
// optional. One that was sent has to be whole.
func TestOptionalArrays(t *testing.T) {
	type input struct {
		A [2]int    `json:"a" validate:"omitempty,dive,required"`
		B string    `json:"b"` // which has no rules, so that the text is not looked at for its sake
		C [][2]int  `json:"c" validate:"dive,omitempty,dive,required,ne=7"`
		D [1][1]int `json:"d" validate:"omitzero,len=1,dive,dive,required"`
	}
	for _, c := range []struct {
		body string
		want []string
	}{
		{`{"b":""}`, []string{}},
		{`{"a":null,"c":[null],"d":null}`, []string{}},
		{`{"a":[0,0]}`, []string{}},
		{`{"a":[]}`, []string{"body #/a/0 required", "body #/a/1 required"}},
		{`{"a":[1,null]}`, []string{"body #/a/1 required"}},
		{`{"c":[[1,1],null,[1]]}`, []string{"body #/c/2/1 required"}},
		{`{"c":[[0,7]],"d":[]}`, []string{"body #/d/0/0 required", "body #/c/0/1 ne"}},
	} {
		assert.Equal(t, c.want, faults[input](t, c.body), c.body)
	}
	type body struct {
		A [2]int `body:"" validate:"omitempty,dive,required"`
	}
	accept[body](t, request{})
	accept[body](t, request{body: "null"})
	assert.Equal(t, []string{"body #/1 required"}, brief(refuse[body](t, request{body: "[1]"})))
}

func TestLongListsWithFaults(t *testing.T) {
	type item struct {
		Qty int `json:"qty" validate:"min=1"`
	}
	err := refuse[[]item](t, request{body: "[" + strings.Repeat("{},", 1_000_000) + "{}]"})
	assert.Len(t, err.Faults, params.MaxFaults)
	accept[[]item](t, request{body: "[" + strings.Repeat(`{"qty":1},`, 1_000_000) + `{"qty":1}]`})
	var in [1 << 20]item
	plan := compile[[1 << 20]item](t)
	assert.Len(t, asError(t, plan.Decode(request{body: "[]"}.ctx(), &in)).Faults, params.MaxFaults)
}

type (
	Base struct {
		ID   int    `json:"id" validate:"required"`
		Name string `json:"name" validate:"required,max=3"`
	}
	Extra struct {
		Note string `json:"note" validate:"required"`
		Size int    `json:"size"`
	}
	Other struct {
		Size string `json:"size" validate:"required"`
	}
	small struct {
		Tiny int `json:"tiny" validate:"required"`
	}
	derived struct {
		Base
		*Extra
		small
		Name  string `json:"name" validate:"max=5"` // hides Base.Name with its rules
		Other `json:"other"`
	}
	must struct {
		*Extra `validate:"required"`
		Base   `validate:"-"`
	}
)

func TestEmbeddedStructsInBodies(t *testing.T) {
	assert.Equal(t, []string{"body #/id required", "body #/tiny required", "body #/other/size required"}, faults[derived](t, `{}`))
	ok := `"id":0,"tiny":0,"other":{"size":""}`
	assert.Empty(t, faults[derived](t, `{`+ok+`}`), "an embedded pointer is nil without a key of its struct")
	assert.Empty(t, faults[derived](t, `{`+ok+`,"name":"12345","note":""}`))
	assert.Equal(t, []string{"body #/note required"}, faults[derived](t, `{`+ok+`,"size":0}`))
	assert.Equal(t, []string{"body #/note required"}, faults[derived](t, `{`+ok+`,"size":null}`))
	assert.Equal(t, []string{"body #/name max"}, faults[derived](t, `{`+ok+`,"name":"123456"}`))

	assert.Equal(t, []string{"body # required"}, faults[must](t, `{}`))
	assert.Empty(t, faults[must](t, `{"note":""}`))
	assert.Equal(t, []string{"body #/id type"}, faults[must](t, `{"note":"","id":"x"}`))
}

func TestNamesOfKeys(t *testing.T) {
	type input struct {
		Skipped int `json:"-"`
		Dash    int `json:"-," validate:"required"`
		Quoted  int `json:"quoted,string" validate:"required"`
		NoTag   int `validate:"required"`
		NoName  int `json:",omitempty" validate:"required"`
		Odd     int `json:"a'b" validate:"required"` // no name for JSON, so the field's is
		Tilde   int `json:"a~b/c%d" validate:"required"`
		Umlaut  int `json:"größe" validate:"required"`
		private int
	}
	assert.Empty(t, faults[input](t, `{"-":0,"quoted":"0","NoTag":0,"noname":0,"Odd":0,"a~b/c%d":0,"GRÖSSE":1,"GRÖßE":0}`))
	got := faults[input](t, `{}`)
	assert.Equal(t, []string{
		"body #/- required", "body #/quoted required", "body #/NoTag required", "body #/NoName required",
		"body #/Odd required", "body #/a~0b~1c%25d required", "body #/gr%C3%B6%C3%9Fe required",
	}, got)
	assert.Equal(t, []string{"a~b/c%d"}, unpoint(t, "#/a~0b~1c%25d"))
	assert.Equal(t, []string{"größe"}, unpoint(t, "#/gr%C3%B6%C3%9Fe"))
	assert.Equal(t, []string{"body #/quoted required"}, faults[input](t, `{"-":0,"quoted":null,"NoTag":0,"noname":0,"Odd":0,"a~b/c%d":0,"größe":0}`))
	_ = input{}.private
}

// A selfMade decodes itself into a struct with rules.
type selfMade struct {
	A int    `json:"a" validate:"required"`
	B string `json:"b" validate:"max=3"`
}

func (s *selfMade) UnmarshalJSON(text []byte) error {
	_, err := fmt.Sscanf(string(text), `"%d %s`, &s.A, &s.B)
	s.B = strings.TrimSuffix(s.B, `"`)
	return err
}

// Nobody knows what a type that decodes itself found in its text. Its rules
// count all the same, and required means that the value is not zero.
func TestTypesThatDecodeThemselves(t *testing.T) {
	type input struct {
		One  selfMade   `json:"one"`
		Ptr  *selfMade  `json:"ptr" validate:"required"`
		Many []selfMade `json:"many" validate:"dive"`
	}
	assert.Empty(t, faults[input](t, `{"one":"1 x","ptr":"2 y","many":["3 z"]}`))
	assert.Equal(t, []string{"body #/ptr required", "body #/one/a required", "body #/many/0/a required", "body #/many/1/b max"},
		faults[input](t, `{"one":"0 x","many":["0 z","1 long"]}`))
	assert.Equal(t, []string{"body #/one type"}, faults[input](t, `{"one":"x","ptr":"2 y"}`))
}

// What such a type leaves unsaid is no matter of the members behind it: there,
// a zero that was sent is not absent.
// money decodes itself.
type money struct {
	Amount   int64  `validate:"min=1"`
	Currency string `validate:"required,len=3"`
}

func (m *money) UnmarshalJSON(text []byte) error {
	_, err := fmt.Sscanf(string(text), `"%d %3s"`, &m.Amount, &m.Currency)
	return err
}

// pairOfMoney is an array that decodes itself.
type pairOfMoney [2]money

func (p *pairOfMoney) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	return p[0].UnmarshalJSON(text)
}

// A struct that is absent is judged as if it had been sent empty, one that decodes
// itself as well, and for the readers and the codec alike: the latter has the bodies
// in which a key is not written as it is.
func TestAnAbsentTypeThatDecodesItself(t *testing.T) {
	type input struct {
		Price money  `json:"price"`
		Note  string `json:"note"`
	}
	want := []string{"body #/price/Amount min", "body #/price/Currency required"}
	for _, body := range []string{`{"note":"x"}`, `{"NOTE":"x"}`, `{}`} {
		assert.Equal(t, want, faults[input](t, body), body)
	}
	assert.Empty(t, faults[input](t, `{"price":"1 EUR"}`))
	assert.NotEmpty(t, faults[[]input](t, `[{}]`))
	type optional struct {
		Price money `json:"price" validate:"omitempty"`
	}
	assert.Empty(t, faults[optional](t, `{}`))
	type pair struct {
		Pair pairOfMoney `json:"pair"`
		Note string      `json:"note"`
	}
	assert.NotEmpty(t, faults[pair](t, `{"NOTE":"x"}`))
	assert.NotEmpty(t, faults[pair](t, `{"note":"x"}`))
}

// If a value comes twice the last one counts, and a null is one to a type that
// decodes itself.
func TestANullBehindAValue(t *testing.T) {
	type input struct {
		Raw json.RawMessage `json:"raw" validate:"required"`
	}
	for _, body := range []string{`{"raw":null}`, `{"raw":{"a":1},"raw":null}`, `{"raw":{"a":1},"RAW":null}`} {
		assert.Equal(t, []string{"body #/raw required"}, faults[input](t, body), body)
	}
	assert.Empty(t, faults[input](t, `{"raw":null,"raw":1}`))

	type quoted struct {
		Qty int `json:"qty,string" validate:"required"`
	}
	assert.Equal(t, []string{"body #/qty required"}, faults[quoted](t, `{"qty":"null"}`))
	assert.Empty(t, faults[quoted](t, `{"qty":"0"}`))
}

// odd has fields that JSON can't fill, and fills them itself.
type odd struct {
	Name  fmt.Stringer
	Done  func()
	Parts map[[2]int]struct{ C chan int }
	Limit int `validate:"max=5"`
	Both  ambiguous
}

func (o *odd) UnmarshalJSON(text []byte) error {
	o.Limit = len(text)
	return nil
}

func TestATypeThatDecodesItselfMayHaveAnyFields(t *testing.T) {
	type input struct {
		Odd  odd   `json:"odd"`
		Odds []odd `json:"odds"`
	}
	assert.Equal(t, []string{"body #/odd/Limit max", "body #/odds/1/Limit max"}, faults[input](t, `{"odd":"123456","odds":["123","1234"]}`))
	_, err := params.Compile(reflect.TypeFor[struct {
		Odd  odd          `json:"odd"`
		Name fmt.Stringer `json:"name"`
	}](), params.Options{})
	assert.ErrorContains(t, err, "has the interface type fmt.Stringer, which JSON can't fill")
}

func TestBehindTypesThatDecodeThemselves(t *testing.T) {
	type input struct {
		List  selfMadeList `json:"list"`
		One   selfMade     `json:"one"`
		Zero  int          `json:"zero" validate:"required"`
		Wrong int          `json:"wrong" validate:"gte=1"`
	}
	assert.Equal(t, []string{"body #/list/0/b max", "body #/one/b max", "body #/wrong gte"},
		faults[input](t, `{"list":"1 long","one":"1 long","zero":0,"wrong":0}`))
}

// A selfMadeList decodes itself into a list with one element.
type selfMadeList []selfMade

func (l *selfMadeList) UnmarshalJSON(text []byte) error {
	*l = make(selfMadeList, 1)
	return (*l)[0].UnmarshalJSON(text)
}

func TestPointersAreBounded(t *testing.T) {
	type deep struct {
		Next *deep          `json:"next"`
		M    map[string]int `json:"m" validate:"dive,max=5"`
		L    []int          `json:"l" validate:"dive,max=5"`
	}
	key := strings.Repeat("é", 1<<20) // 2 MiB
	err := refuse[map[string]deep](t, request{body: `{"` + key + `":{"l":[` + strings.Repeat("9,", 200) + `9]}}`})
	assert.Len(t, err.Faults, params.MaxFaults)
	assert.Equal(t, "#", err.Faults[0].Pointer)

	err = refuse[deep](t, request{body: strings.Repeat(`{"next":`, 5000) + `{"l":[9]}` + strings.Repeat("}", 5000)})
	require.Len(t, err.Faults, 1)
	assert.Equal(t, "#"+strings.Repeat("/next", 102), err.Faults[0].Pointer, "the place around it that has room")
}

func TestFaultsInABodyAreBounded(t *testing.T) {
	body := "[" + strings.Repeat(`{"qty":-1},`, 1000) + `{"qty":"x"}]`
	err := refuse[[]line](t, request{body: body})
	assert.Len(t, err.Faults, params.MaxFaults)
	assert.Equal(t, "the request has more invalid or missing values than are listed", err.Detail)
}
