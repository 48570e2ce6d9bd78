package rules

import (
	"fmt"
	"math/bits"
	"reflect"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// A demand is what a rule that ships with the validator goes with and takes. The
// validator does not say this: on another value it panics, or judges a text such as
// "<int Value>" in place of the value. Tests compare the catalog with the validator.
type demand struct {
	kinds    kinds
	argument argument
	absence  bool // judges an absent value as well
	compares bool // with the field that the argument names
}

// An argument is what a rule takes behind its equals sign.
type argument int

const (
	noArgument      argument = iota
	aBound                   // a number, or a duration, that the value is compared with; nothing for a time
	aValue                   // a value of the type
	aText                    // a text, possibly empty
	someText                 // a text that is not empty
	someChoices              // values, at least one
	aLayout                  // a layout of package time
	aCountry                 // an ISO 3166-1 alpha-2 code
	aMediaType               // type/subtype
	aSpiceDB                 // a part of SpiceDB: permission, type, id or nothing
	aField                   // a field
	someFields               // fields, at least one
	fieldsAndValues          // pairs of a field and a value
	maybeField               // a field or nothing: of an element, or of the struct around a value that is no list
	maybeMethod              // a method of the value or nothing
)

// kinds are the kinds of values that a rule goes with.
type kinds uint16

const (
	texts kinds = 1 << iota
	integers
	naturals
	addresses // uintptr
	floats
	bools
	lists // slices, arrays, maps
	byteLists
	times
	stringers // whose String method gives the text to judge

	numbers  = integers | naturals | addresses | floats
	anything = ^kinds(0)
)

var kindNames = []string{"texts", "integers", "unsigned integers", "uintptr", "floating-point numbers", "bools", "lists", "[]byte", "times", "types with a String method"}

// String lists the kinds for a sentence.
func (k kinds) String() string {
	var names []string
	if k&numbers == numbers {
		k, names = k&^numbers, []string{"numbers"}
	}
	for rest := uint(k); rest != 0; rest &= rest - 1 {
		names = append(names, kindNames[bits.TrailingZeros(rest)])
	}
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " and " + names[last]
	}
	return strings.Join(names, "")
}

// inJSON are the kinds that an any gets from JSON.
const inJSON = texts | floats | bools | lists

// kindsOf returns the kinds of a value of type t, which is no pointer. A struct
// that is no time has none.
func kindsOf(t reflect.Type) kinds {
	var k kinds
	switch t.Kind() {
	case reflect.Interface:
		return inJSON
	case reflect.String:
		return texts
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		k = integers
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		k = naturals
	case reflect.Uintptr:
		k = addresses
	case reflect.Float32, reflect.Float64:
		k = floats
	case reflect.Bool:
		k = bools
	case reflect.Slice:
		k = lists
		if t.ConvertibleTo(bytesType) {
			k |= byteLists
		}
	case reflect.Array, reflect.Map:
		k = lists
	case reflect.Struct:
		if t.ConvertibleTo(kind.Time) {
			return times
		}
	}
	if t.Implements(stringerType) && t != kind.Duration {
		k |= stringers
	}
	return k
}

var (
	bytesType    = reflect.TypeFor[[]byte]()
	stringerType = reflect.TypeFor[fmt.Stringer]()
)

// catalog has the rules that ship with the validator.
var catalog = makeCatalog()

func makeCatalog() map[string]demand {
	all := make(map[string]demand)
	for _, group := range []struct {
		demand
		names string
	}{
		{demand{kinds: texts}, `alpha alphaspace alphanum alphanumspace alphaunicode alphanumunicode hexadecimal hexcolor rgb rgba hsl hsla cmyk
			e164 email url http_url https_url uri origin urn_rfc8141 urn_rfc2141 file filepath base32 base64 base64url base64rawurl
			image isbn isbn10 isbn13 issn eth_addr eth_addr_checksum btc_addr btc_addr_bech32 md4 md5 sha256 sha384 sha512
			ripemd128 ripemd160 tiger128 tiger160 tiger192 ascii printascii multibyte datauri ssn ipv4 ipv6 ip cidrv4 cidrv6 cidr
			tcp4_addr tcp6_addr tcp_addr udp4_addr udp6_addr udp_addr ip4_addr ip6_addr ip_addr unix_addr uds_exists mac
			hostname hostname_rfc1123 hostname_label fqdn html html_encoded url_encoded dir dirpath jwt hostname_port lowercase uppercase
			timezone iso3166_1_alpha2 iso3166_1_alpha2_eu iso3166_1_alpha3 iso3166_1_alpha3_eu iso3166_2 iso4217
			bcp47_language_tag bcp47_strict_language_tag bic_iso_9362_2014 bic semver dns_rfc1035_label credit_card cve
			mongodb mongodb_connection_string cron ein duration`},
		{demand{kinds: texts | stringers}, `uuid uuid3 uuid4 uuid5 uuid7 uuid_rfc4122 uuid3_rfc4122 uuid4_rfc4122 uuid5_rfc4122 ulid`},
		{demand{kinds: texts | byteLists}, `json`},
		{demand{kinds: texts | bools}, `boolean`},
		{demand{kinds: texts | numbers}, `numeric number`},
		{demand{kinds: texts | integers | naturals | floats}, `latitude longitude`},
		{demand{kinds: texts | integers | naturals}, `iso3166_1_alpha_numeric iso3166_1_alpha_numeric_eu luhn_checksum`},
		{demand{kinds: integers | naturals}, `iso4217_numeric`},
		{demand{kinds: integers | naturals | addresses}, `port`},
		{demand{kinds: texts, argument: someText}, `contains containsany containsrune excludes excludesall excludesrune startswith endswith startsnotwith endsnotwith`},
		{demand{kinds: texts, argument: aText}, `eq_ignore_case ne_ignore_case`},
		{demand{kinds: texts, argument: someChoices}, `oneofci noneofci`},
		{demand{kinds: texts | integers | naturals, argument: someChoices}, `oneof noneof`},
		{demand{kinds: texts, argument: aLayout}, `datetime`},
		{demand{kinds: texts, argument: aCountry}, `postcode_iso3166_alpha2`},
		{demand{kinds: texts, argument: aMediaType}, `mimetype`},
		{demand{kinds: texts, argument: aSpiceDB}, `spicedb`},
		{demand{kinds: texts | numbers | lists | bools, argument: aValue}, `eq ne`},
		{demand{kinds: texts | numbers | lists, argument: aBound}, `len`},
		{demand{kinds: texts | numbers | lists | times, argument: aBound}, `min max gt gte lt lte`},
		{demand{kinds: anything, argument: maybeField}, `unique`},
		{demand{kinds: anything, argument: maybeMethod}, `validateFn`},
		{demand{kinds: anything}, `required isdefault`},
		{demand{kinds: anything, argument: someFields, absence: true}, `required_with required_with_all required_without required_without_all
			excluded_with excluded_with_all excluded_without excluded_without_all`},
		{demand{kinds: anything, argument: fieldsAndValues, absence: true}, `required_if required_unless skip_unless excluded_if excluded_unless`},
		{demand{kinds: texts | numbers | lists | bools | times, argument: aField, compares: true}, `eqfield nefield eqcsfield necsfield`},
		{demand{kinds: texts | numbers | times, argument: aField, compares: true}, `gtfield gtefield ltfield ltefield`},
		{demand{kinds: texts | numbers | lists | times, argument: aField, compares: true}, `gtcsfield gtecsfield ltcsfield ltecsfield`},
		{demand{kinds: texts, argument: aField, compares: true}, `fieldcontains fieldexcludes`},
		{demand{kinds: texts, argument: aField}, `postcode_iso3166_alpha2_field`},
	} {
		for name := range strings.FieldsSeq(group.names) {
			all[name] = group.demand
		}
	}
	return all
}
