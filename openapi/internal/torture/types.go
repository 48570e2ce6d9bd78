package torture

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/velithon-go/velithon/openapi/internal/torture/other"
)

// The types that are read and written.
type (
	// Scalars has each kind of number.
	Scalars struct {
		Bool    bool    `json:"bool"`
		Int     int     `json:"int"`
		Int8    int8    `json:"int8"`
		Int16   int16   `json:"int16"`
		Int32   int32   `json:"int32"`
		Int64   int64   `json:"int64"`
		Uint    uint    `json:"uint"`
		Uint8   uint8   `json:"uint8"`
		Uint16  uint16  `json:"uint16"`
		Uint32  uint32  `json:"uint32"`
		Uint64  uint64  `json:"uint64"`
		Float32 float32 `json:"float32"`
		Float64 float64 `json:"float64"`
		Text    string  `json:"text" doc:"Any text: \"quoted\" & <tagged>" example:"a text"`
		Untold  string
	}

	// Colour and Amount are named types of simple kinds.
	Colour string
	// Amount is one of them.
	Amount int
	// Named has named types.
	Named struct {
		Colour Colour `json:"colour" validate:"oneof=red green 'light blue'" example:"red"`
		Amount Amount `json:"amount" validate:"oneof=1 2 3"`
	}

	// Pointers are nullable, optional, or both.
	Pointers struct {
		Plain    *string  `json:"plain"`
		Omitted  *int     `json:"omitted,omitempty" validate:"omitempty,min=1,max=9"`
		Required *bool    `json:"required" validate:"required"`
		Choice   *string  `json:"choice" validate:"omitempty,oneof=a b"`
		Item     *Item    `json:"item"`
		Must     *Item    `json:"must" validate:"required"`
		Twice    **string `json:"twice"`
		Bare     *int     `json:"bare" validate:"min=1"`
	}

	// Lists are slices, arrays and maps.
	Lists struct {
		Texts   []string            `json:"texts" validate:"max=5,unique,dive,min=1,max=20"`
		Items   []Item              `json:"items" validate:"required,min=1,dive"`
		Of      [][]int             `json:"of" validate:"dive,max=3,dive,gte=0"`
		Pair    [2]float64          `json:"pair"`
		Array   [3]Item             `json:"array"`
		ByName  map[string]Item     `json:"by_name" validate:"max=3,dive,keys,min=2,alpha,endkeys"`
		ByID    map[int]string      `json:"by_id" validate:"dive,min=1"`
		ByUint  map[uint8][]string  `json:"by_uint"`
		Ptrs    []*Item             `json:"ptrs"`
		Any     []any               `json:"any"`
		Deep    map[string][]string `json:"deep" validate:"dive,min=1,dive,alpha"`
		Unique  []Item              `json:"unique" validate:"unique=SKU"`
		Omitted []string            `json:"omitted,omitempty"`
	}

	// Times are times and durations.
	Times struct {
		At    time.Time     `json:"at"`
		Maybe *time.Time    `json:"maybe,omitempty"`
		Zero  time.Time     `json:"zero,omitzero"`
		Wait  time.Duration `json:"wait" validate:"gte=1s,lte=1h"`
		After time.Time     `json:"after" validate:"omitempty,gt"`
	}

	// Bytes are bytes.
	Bytes struct {
		Slice []byte   `json:"slice"`
		Array [4]byte  `json:"array"`
		Many  [][]byte `json:"many"`
		Least []byte   `json:"least" validate:"max=10"`
	}

	// Loose has what may be anything.
	Loose struct {
		Any      any             `json:"any"`
		Must     any             `json:"must" validate:"required"`
		Raw      json.RawMessage `json:"raw"`
		Number   json.Number     `json:"number"`
		Anything map[string]any  `json:"anything"`
	}

	// UUID is such as others have it.
	UUID [16]byte

	// Level is written as a text.
	Level int

	// Money is written as anything.
	Money struct{ Cents int }

	// Fraction says its schema itself.
	Fraction struct{ Of, By int }

	// Own has types with methods.
	Own struct {
		ID       UUID            `json:"id"`
		Maybe    *UUID           `json:"maybe"`
		Level    Level           `json:"level" validate:"required"`
		Levels   []Level         `json:"levels"`
		ByLevel  map[Level]int   `json:"by_level"`
		Money    Money           `json:"money"`
		Fraction Fraction        `json:"fraction"`
		Addr     netip.Addr      `json:"addr"`
		ByAddr   map[string]UUID `json:"by_addr"`
	}

	// Base is embedded.
	Base struct {
		ID      int    `json:"id" validate:"required,min=1"`
		Hidden  string `json:"hidden"`
		Version int    `json:"version,omitempty"`
	}
	// Part is embedded as a pointer.
	Part struct {
		Part  string `json:"part" validate:"required"`
		Inner Item   `json:"inner"`
	}
	// Embedded embeds both, and hides a member.
	Embedded struct {
		Base
		*Part
		Hidden int `json:"hidden"`
		Named  `json:"named"`
	}

	// Quoted has numbers in strings.
	Quoted struct {
		Int    int64       `json:"int,string"`
		Float  float64     `json:"float,string"`
		Bool   bool        `json:"bool,string"`
		Number json.Number `json:"number,string"` // which has methods of its own with Go 1.27
		Min    int         `json:"min,string" validate:"min=1"`
		Maybe  *int        `json:"maybe,string,omitempty"`
	}

	// Item is what many lists have.
	Item struct {
		SKU      string `json:"sku" validate:"required,min=1,max=12"`
		Quantity int    `json:"quantity" validate:"required,min=1"`
	}

	// Page is generic.
	Page[T any] struct {
		Items []T    `json:"items"`
		Next  string `json:"next,omitempty"`
	}
	// Pair has two parameters.
	Pair[A, B any] struct {
		A A `json:"a"`
		B B `json:"b"`
	}

	// Node refers to itself.
	Node struct {
		Name     string           `json:"name" validate:"required"`
		Parent   *Node            `json:"parent,omitempty"`
		Children []Node           `json:"children" validate:"dive"`
		ByName   map[string]*Node `json:"by_name"`
	}
	// Tree is a list of itself, and Forest a map.
	Tree []Tree
	// Forest is a map of itself.
	Forest map[string]Forest
	// Woods have both.
	Woods struct {
		Tree   Tree       `json:"tree"`
		Forest Forest     `json:"forest"`
		Other  other.Node `json:"other"`
	}
	// Left and Right refer to each other.
	Left struct {
		Right *Right `json:"right"`
	}
	// Right is the other one.
	Right struct {
		Left []Left `json:"left" validate:"max=2"`
	}

	// Nameless has structs without names.
	Nameless struct {
		At struct {
			X int `json:"x" validate:"required"`
			Y int `json:"y"`
		} `json:"at"`
		All []struct {
			Name string `json:"name" validate:"max=3"`
		} `json:"all"`
	}

	// Muted has rules that don't count.
	Muted struct {
		Item  Item   `json:"item" validate:"-"`
		Items []Item `json:"items" validate:"structonly"`
		Judge Item   `json:"judge"`
	}

	// Numbers has the rules on numbers.
	Numbers struct {
		Min    int     `json:"min" validate:"min=3"`
		Gt     int     `json:"gt" validate:"gt=-3"`
		Both   int     `json:"both" validate:"gte=1,lt=10"`
		Len    int     `json:"len" validate:"len=7"`
		Ne     int     `json:"ne" validate:"ne=0"`
		Float  float64 `json:"float" validate:"gte=0.5,lte=1.5"`
		Single float32 `json:"single" validate:"gt=0.1"`
		Tiny   int8    `json:"tiny" validate:"max=200"`
		Uint   uint64  `json:"uint" validate:"max=18446744073709551615"`
		Port   int     `json:"port" validate:"port"`
		Spared int     `json:"spared" validate:"omitempty,min=5"`
		Lat    float64 `json:"lat" validate:"latitude"`
		Choice uint    `json:"choice" validate:"oneof=1 2"`
		None   int     `json:"none" validate:"noneof=1 2"`
		Either int     `json:"either" validate:"lt=3|gt=10"`
	}
	// Bools has rules on them.
	Bools struct {
		True  bool `json:"true" validate:"eq=true"`
		False bool `json:"false" validate:"ne=true"`
		Any   bool `json:"any" validate:"boolean"`
	}
	// Texts has lengths, choices and formats.
	Texts struct {
		Len     string `json:"len" validate:"len=3"`
		Eq      string `json:"eq" validate:"eq=yes"`
		Ne      string `json:"ne" validate:"ne=no"`
		Email   string `json:"email" validate:"required,email" example:"ada@example.org"`
		Maybe   string `json:"maybe" validate:"omitempty,email"`
		URL     string `json:"url" validate:"url"`
		Web     string `json:"web" validate:"http_url"`
		IP      string `json:"ip" validate:"ip"`
		IPv4    string `json:"ipv4" validate:"ipv4"`
		Date    string `json:"date" validate:"datetime=2006-01-02"`
		Clock   string `json:"clock" validate:"datetime=15:04"`
		Or      string `json:"or" validate:"email|uuid"`
		OrLess  string `json:"or_less" validate:"min=8|iso4217"`
		JSON    string `json:"json" validate:"json"`
		Base64  string `json:"base64" validate:"base64"`
		Boolean string `json:"boolean" validate:"boolean"`
		Spared  string `json:"spared" validate:"omitempty,min=3,max=5"`
	}
	// Patterns has rules that are patterns.
	Patterns struct {
		Alpha    string `json:"alpha" validate:"alpha"`
		UUID     string `json:"uuid" validate:"uuid4"`
		Hex      string `json:"hex" validate:"hexadecimal,len=32"`
		Both     string `json:"both" validate:"alphanum,startswith=x"`
		Starts   string `json:"starts" validate:"startswith=a.b"`
		Ends     string `json:"ends" validate:"endswith=$"`
		Contains string `json:"contains" validate:"contains=0x2C"`
		Any      string `json:"any" validate:"containsany=]^-"`
		Excludes string `json:"excludes" validate:"excludes=(,excludesall=[]"`
		Host     string `json:"host" validate:"hostname_rfc1123"`
		Semver   string `json:"semver" validate:"semver"`
	}
	// Others has rules without a keyword, and those on other fields.
	Others struct {
		From     int    `json:"from"`
		To       int    `json:"to" validate:"gtfield=From"`
		Currency string `json:"currency" validate:"iso4217"`
		Lower    string `json:"lower" validate:"lowercase"`
		If       string `json:"if" validate:"required_if=Currency EUR"`
		Cron     string `json:"cron" validate:"omitempty,cron"`
	}

	// Deep is absent and refused, by what is inside it.
	Deep struct {
		Item  Item     `json:"item"`
		Maybe *Item    `json:"maybe"`
		Free  struct{} `json:"free"`
	}

	// Optional has what may be left out.
	Optional struct {
		Empty string         `json:"empty,omitempty"`
		Zero  Item           `json:"zero,omitzero"`
		List  []int          `json:"list,omitempty"`
		Map   map[string]int `json:"map,omitzero"`
		None  string         `json:"-"`
		Dash  string         `json:"-,"` //nolint:staticcheck // the name is a dash
	}

	// Unusual has names that are none of Go's.
	Unusual struct {
		Dollar string `json:"$ref"`
		Space  string `json:"a b"`
		Accent string `json:"é"`
		Slash  string `json:"a/b~c"`
		Yes    string `json:"yes" doc:"no" example:"null"`
		One    string `json:"1" example:"1.0"`
		Date   string `json:"2001-01-01" example:"2001-01-01"`
		Lines  string `json:"lines" doc:"two\nlines: # and no comment"`
	}
)

// MarshalText writes a UUID with dashes.
func (u UUID) MarshalText() ([]byte, error) {
	text := hex.EncodeToString(u[:])
	return []byte(text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]), nil
}

// UnmarshalText reads what MarshalText writes.
func (u *UUID) UnmarshalText(text []byte) error {
	if len(text) != 36 {
		return errors.New("no UUID")
	}
	_, err := hex.Decode(u[:], []byte(string(text[:8])+string(text[9:13])+string(text[14:18])+string(text[19:23])+string(text[24:])))
	return err
}

var levels = []string{"low", "high"}

// MarshalText writes a level.
func (l Level) MarshalText() ([]byte, error) { return []byte(levels[l]), nil }

// UnmarshalText reads one.
func (l *Level) UnmarshalText(text []byte) error {
	for i, name := range levels {
		if name == string(text) {
			*l = Level(i)
			return nil
		}
	}
	return errors.New("no level")
}

// MarshalJSON writes an amount of money as a number.
func (m Money) MarshalJSON() ([]byte, error) { return json.Marshal(m.Cents) }

// UnmarshalJSON reads one.
func (m *Money) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &m.Cents) }

// MarshalJSON writes a fraction as a list.
func (f Fraction) MarshalJSON() ([]byte, error) { return json.Marshal([]int{f.Of, f.By}) }

// UnmarshalJSON reads one.
func (f *Fraction) UnmarshalJSON(text []byte) error {
	var pair [2]int
	err := json.Unmarshal(text, &pair)
	f.Of, f.By = pair[0], pair[1]
	return err
}

// OpenAPISchema says what MarshalJSON writes.
func (Fraction) OpenAPISchema() map[string]any {
	return map[string]any{
		"type": "array", "items": map[string]any{"type": "integer"}, "minItems": 2, "maxItems": 2,
		"description": "numerator and denominator",
	}
}
