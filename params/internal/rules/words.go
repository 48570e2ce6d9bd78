package rules

import (
	"reflect"
	"strings"
	"time"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// words are how broken rules of one field are told.
type words struct {
	fieldNames
	texts *phrases
}

// describe says in plain words what a broken rule, as a tag has it, asks of a value
// of type t. Alternatives, such as email|url, are told as the rules in them are.
func (w words) describe(rule string, t reflect.Type) string {
	if strings.Contains(rule, "|") {
		var all []string
		for alternative := range strings.SplitSeq(rule, "|") {
			text := w.describe(alternative, t)
			if len(all) > 0 {
				text = strings.TrimPrefix(text, "must be ")
			}
			all = append(all, text)
		}
		return strings.Join(all, " or ")
	}
	rule, param, _ := strings.Cut(rule, "=")
	param = unescapeParam(param)
	if text := w.texts.ofRule(rule); text != "" {
		text = strings.ReplaceAll(text, "{param}", param)
		if strings.Contains(text, "{field}") {
			text = strings.ReplaceAll(text, "{field}", w.of(param))
		}
		return text
	}
	if kind.IsList(kind.Deref(t)) && (rule == "eq" || rule == "ne") { // of their length
		return map[string]string{"eq": "must have exactly ", "ne": "must not have exactly "}[rule] + counted(param, "item")
	}
	if text := w.ofOtherField(rule, param, t); text != "" {
		return text
	}
	if text := ofBound(rule, param, t); text != "" {
		return text
	}
	if what, ok := formatWords[rule]; ok {
		return "must be " + what
	}
	if text, ok := sentences[rule]; ok {
		return strings.ReplaceAll(text, "?", param)
	}
	switch rule {
	case "oneof":
		return "must be one of: " + choicesInWords(param)
	case "oneofci":
		return "must be one of: " + choicesInWords(param) + ", in any case"
	case "noneof":
		return "must be none of: " + choicesInWords(param)
	case "noneofci":
		return "must be none of: " + choicesInWords(param) + ", in any case"
	case "datetime":
		return "must be a date or time such as " + exampleOf(param)
	}
	return "does not satisfy " + rule // and no parameter, which may be names of fields in Go
}

// codeOf returns a rule as a fault has it: without its parameter, which may be a name
// of a field in Go.
func codeOf(rule string) string {
	var all []string
	for alternative := range strings.SplitSeq(rule, "|") {
		name, _, _ := strings.Cut(alternative, "=")
		all = append(all, name)
	}
	return strings.Join(all, "|")
}

// unescapeParam undoes the validator's way to write a comma or a bar.
func unescapeParam(param string) string {
	return strings.ReplaceAll(strings.ReplaceAll(param, "0x2C", ","), "0x7C", "|")
}

// ofBound words a bound on a number, a time, a text's length or a list's; "" for
// any other rule.
func ofBound(rule, param string, t reflect.Type) string {
	relation, ok := bounds[rule]
	switch {
	case !ok:
		return ""
	case param == "": // a time, which is compared with now
		return sinceNow[relation]
	}
	switch kind.Deref(t).Kind() {
	case reflect.String:
		return "must have " + relation + " " + counted(param, "character")
	case reflect.Slice, reflect.Array, reflect.Map:
		return "must have " + relation + " " + counted(param, "item")
	default:
		if relation == "exactly" {
			relation = "equal to"
		}
		return "must be " + relation + " " + param
	}
}

var bounds = map[string]string{
	"min": "at least", "gte": "at least", "max": "at most", "lte": "at most", "gt": "more than", "lt": "less than", "len": "exactly",
}

var sinceNow = map[string]string{
	"more than": "must be later than now", "at least": "must not be before now",
	"less than": "must be before now", "at most": "must not be later than now",
}

func counted(number, thing string) string {
	if number == "1" {
		return "1 " + thing
	}
	return number + " " + thing + "s"
}

// ofOtherField words a rule that refers to other fields; "" for any other.
func (w words) ofOtherField(rule, param string, t reflect.Type) string {
	if text := orders[rule]; text != "" && kind.Deref(t).Kind() == reflect.String {
		return text + " " + w.of(param)
	}
	if comparison, ok := comparisons[strings.Replace(rule, "csfield", "field", 1)]; ok {
		return comparison.of(t) + " " + w.of(param)
	}
	switch rule {
	case "unique": // on an element's field it is another rule
		if !kind.IsList(kind.Deref(t)) {
			return "must differ from " + w.of(param)
		}
	case "fieldcontains":
		return "must contain " + w.of(param)
	case "fieldexcludes":
		return "must not contain " + w.of(param)
	case "postcode_iso3166_alpha2_field":
		return "must be a postcode of the country in " + w.of(param)
	}
	what, condition, _ := strings.Cut(rule, "_")
	switch what {
	case "skip": // unless the fields are so, the value is not looked at
		what, condition = "is required", "if"
	case "required":
		what = "is required"
	case "excluded":
		what = "must be left out"
	default:
		return ""
	}
	fields := splitArgument(param)
	switch condition {
	case "if":
		return what + " when " + w.pairs(fields, " and ")
	case "unless":
		return what + " unless " + w.pairs(fields, " or ")
	case "with":
		return what + " when " + w.list(fields, " or ") + " is given"
	case "with_all":
		return what + " when " + w.list(fields, " and ") + isOrAre(fields) + "given"
	case "without":
		return what + " when " + w.list(fields, " or ") + " is absent"
	case "without_all":
		return what + " when " + w.list(fields, " and ") + isOrAre(fields) + "absent"
	default:
		return ""
	}
}

func isOrAre(fields []string) string {
	if len(fields) == 1 {
		return " is "
	}
	return " are "
}

func (w words) list(fields []string, and string) string {
	var all []string
	for _, field := range fields {
		all = append(all, w.of(field))
	}
	return strings.Join(all, and)
}

// pairs words fields and their values.
func (w words) pairs(fields []string, and string) string {
	var all []string
	for i := 0; i+1 < len(fields); i += 2 {
		all = append(all, w.of(fields[i])+" is "+quoted(fields[i+1]))
	}
	return strings.Join(all, and)
}

// A comparison with another field, in words: of numbers, of the lengths of texts
// and of lists, and of times.
type comparison struct{ number, text, list, time string }

func (c comparison) of(t reflect.Type) string {
	t = kind.Deref(t)
	switch {
	case t.ConvertibleTo(kind.Time):
		return c.time
	case t.Kind() == reflect.String:
		return c.text
	case kind.IsList(t):
		return c.list
	default:
		return c.number
	}
}

var comparisons = map[string]comparison{
	"eqfield":  {"must equal", "must equal", "must have as many items as", "must equal"},
	"nefield":  {"must differ from", "must differ from", "must not have as many items as", "must differ from"},
	"gtfield":  {"must be more than", "must be longer than", "must have more items than", "must be later than"},
	"gtefield": {"must be at least", "must not be shorter than", "must not have fewer items than", "must not be before"},
	"ltfield":  {"must be less than", "must be shorter than", "must have fewer items than", "must be before"},
	"ltefield": {"must be at most", "must not be longer than", "must not have more items than", "must not be later than"},
}

// orders are the comparisons by the order of texts and not by their lengths.
var orders = map[string]string{
	"gtcsfield": "must come after", "gtecsfield": "must not come before", "ltcsfield": "must come before", "ltecsfield": "must not come after",
}

// choicesInWords lists the choices of a parameter, those with spaces in quotes.
func choicesInWords(param string) string {
	all := splitArgument(param)
	for i := range all {
		all[i] = quoted(all[i])
	}
	return strings.Join(all, ", ")
}

// quoted puts a value in quotes, if it would be read as more than one or none.
func quoted(value string) string {
	if value == "" || strings.ContainsAny(value, " ,") {
		return `"` + value + `"`
	}
	return value
}

// exampleOf writes a day that can't be mistaken for a month in a layout of
// package time, and returns the layout itself where that is not read back.
func exampleOf(layout string) string {
	example := time.Date(2026, time.December, 31, 23, 59, 58, 0, time.UTC).Format(layout)
	if _, err := time.Parse(layout, example); err != nil {
		return layout
	}
	return example
}

// sentences are rules that ask for something else than a form; ? is the
// parameter.
var sentences = map[string]string{
	"contains":       "must contain ?",
	"containsany":    "must contain one of the characters ?",
	"containsrune":   "must contain ?",
	"endsnotwith":    "must not end with ?",
	"endswith":       "must end with ?",
	"eq":             "must be ?",
	"eq_ignore_case": "must be ?, in any case",
	"excludes":       "must not contain ?",
	"excludesall":    "must not contain any of the characters ?",
	"excludesrune":   "must not contain ?",
	"isdefault":      "must be left out",
	"mimetype":       "must be a file of type ?",
	"required":       "is required",
	"multibyte":      "must have a character that is not ASCII",
	"ne":             "must not be ?",
	"ne_ignore_case": "must not be ?, in any case",
	"startsnotwith":  "must not start with ?",
	"startswith":     "must start with ?",
	"unique":         "must not hold a value twice",
	"validateFn":     "is not valid",

	"postcode_iso3166_alpha2": "must be a postcode of ?",
}

// formatWords are the rules that ask for a text of a known form.
var formatWords = map[string]string{ //nolint:gosec // credit_card is the name of a rule, not a credential
	"alpha":                      "letters only",
	"alphanum":                   "letters and digits only",
	"alphanumspace":              "letters, digits and spaces only",
	"alphanumunicode":            "letters and digits only",
	"alphaspace":                 "letters and spaces only",
	"alphaunicode":               "letters only",
	"ascii":                      "ASCII only",
	"base32":                     "base32",
	"base64":                     "base64",
	"base64rawurl":               "base64 for URLs without padding",
	"base64url":                  "base64 for URLs",
	"bcp47_language_tag":         "a language tag such as en-GB",
	"bcp47_strict_language_tag":  "a language tag such as en-GB",
	"bic":                        "a BIC",
	"bic_iso_9362_2014":          "a BIC",
	"boolean":                    "true or false",
	"btc_addr":                   "a Bitcoin address",
	"btc_addr_bech32":            "a Bitcoin address in Bech32",
	"cidr":                       "an IP network, such as 192.0.2.0/24",
	"cidrv4":                     "an IPv4 network, such as 192.0.2.0/24",
	"cidrv6":                     "an IPv6 network, such as 2001:db8::/32",
	"cmyk":                       "a color such as cmyk(0%,50%,100%,0%)",
	"country_code":               "a country code",
	"credit_card":                "a credit card number",
	"cron":                       "a cron expression",
	"cve":                        "a CVE number such as CVE-2026-1234",
	"datauri":                    "a data URI",
	"dir":                        "an existing folder",
	"dirpath":                    "the path of a folder",
	"dns_rfc1035_label":          "a DNS label",
	"duration":                   `a duration such as "1h30m" or "250ms"`,
	"e164":                       "a telephone number such as +4912345678",
	"ein":                        "an EIN",
	"email":                      "an e-mail address",
	"eth_addr":                   "an Ethereum address",
	"eth_addr_checksum":          "an Ethereum address with its checksum",
	"eu_country_code":            "the code of a country in the EU",
	"file":                       "an existing file",
	"filepath":                   "the path of a file",
	"fqdn":                       "a full domain name",
	"hexadecimal":                "hexadecimal",
	"hexcolor":                   "a color such as #ff8800",
	"hostname":                   "a host name",
	"hostname_label":             "a part of a host name",
	"hostname_port":              "a host name and port, such as example.com:80",
	"hostname_rfc1123":           "a host name",
	"hsl":                        "a color such as hsl(32,100%,50%)",
	"hsla":                       "a color such as hsla(32,100%,50%,0.5)",
	"html":                       "HTML",
	"html_encoded":               "encoded for HTML",
	"http_url":                   "an http or https URL",
	"https_url":                  "an https URL",
	"image":                      "an image",
	"ip":                         "an IP address",
	"ip4_addr":                   "an IPv4 address",
	"ip6_addr":                   "an IPv6 address",
	"ip_addr":                    "an IP address",
	"ipv4":                       "an IPv4 address",
	"ipv6":                       "an IPv6 address",
	"isbn":                       "an ISBN",
	"isbn10":                     "an ISBN of ten digits",
	"isbn13":                     "an ISBN of thirteen digits",
	"iscolor":                    "a color such as #ff8800, rgb(255,136,0) or hsl(32,100%,50%)",
	"iso3166_1_alpha2":           "a country code of two letters",
	"iso3166_1_alpha2_eu":        "the code of a country in the EU, of two letters",
	"iso3166_1_alpha3":           "a country code of three letters",
	"iso3166_1_alpha3_eu":        "the code of a country in the EU, of three letters",
	"iso3166_1_alpha_numeric":    "a country code of digits",
	"iso3166_1_alpha_numeric_eu": "the code of a country in the EU, of digits",
	"iso3166_2":                  "the code of a region such as US-CA",
	"iso4217":                    "a currency code",
	"iso4217_numeric":            "a currency code of digits",
	"issn":                       "an ISSN",
	"json":                       "JSON",
	"jwt":                        "a JWT",
	"latitude":                   "a latitude",
	"longitude":                  "a longitude",
	"lowercase":                  "in lower case",
	"luhn_checksum":              "a number with a valid check digit",
	"mac":                        "a MAC address",
	"md4":                        "an MD4 hash",
	"md5":                        "an MD5 hash",
	"mongodb":                    "an object id of MongoDB",
	"mongodb_connection_string":  "a connection string of MongoDB",
	"number":                     "a number",
	"numeric":                    "numeric",
	"origin":                     "an origin such as https://example.com",
	"port":                       "a port number",
	"printascii":                 "printable ASCII only",
	"rgb":                        "a color such as rgb(255,136,0)",
	"rgba":                       "a color such as rgba(255,136,0,0.5)",
	"ripemd128":                  "a RIPEMD-128 hash",
	"ripemd160":                  "a RIPEMD-160 hash",
	"semver":                     "a semantic version",
	"sha256":                     "a SHA-256 hash",
	"sha384":                     "a SHA-384 hash",
	"sha512":                     "a SHA-512 hash",
	"spicedb":                    "an identifier of SpiceDB",
	"ssn":                        "a social security number",
	"tcp4_addr":                  "an IPv4 address and port",
	"tcp6_addr":                  "an IPv6 address and port",
	"tcp_addr":                   "an IP address and port",
	"tiger128":                   "a TIGER-128 hash",
	"tiger160":                   "a TIGER-160 hash",
	"tiger192":                   "a TIGER-192 hash",
	"timezone":                   "a time zone",
	"udp4_addr":                  "an IPv4 address and port",
	"udp6_addr":                  "an IPv6 address and port",
	"udp_addr":                   "an IP address and port",
	"uds_exists":                 "an existing Unix socket",
	"ulid":                       "a ULID",
	"unix_addr":                  "the address of a Unix socket",
	"uppercase":                  "in upper case",
	"uri":                        "a URI",
	"url":                        "a URL",
	"url_encoded":                "percent-encoded",
	"urn_rfc2141":                "a URN",
	"urn_rfc8141":                "a URN",
	"uuid":                       "a UUID",
	"uuid3":                      "a UUID of version 3",
	"uuid3_rfc4122":              "a UUID of version 3",
	"uuid4":                      "a UUID of version 4",
	"uuid4_rfc4122":              "a UUID of version 4",
	"uuid5":                      "a UUID of version 5",
	"uuid5_rfc4122":              "a UUID of version 5",
	"uuid7":                      "a UUID of version 7",
	"uuid_rfc4122":               "a UUID",
}
