package params

import (
	"fmt"
	"reflect"
	"strings"
)

// describe says in plain words what a broken rule asks for. Rules without a
// text of their own are named.
func describe(rule, param string, kind reflect.Kind) string {
	switch rule {
	case "min", "gte":
		return sized(kind, "at least", param)
	case "max", "lte":
		return sized(kind, "at most", param)
	case "gt":
		return sized(kind, "more than", param)
	case "lt":
		return sized(kind, "less than", param)
	case "len":
		return sized(kind, "exactly", param)
	case "eq":
		return "must be " + param
	case "ne":
		return "must not be " + param
	case "oneof", "oneofci":
		return "must be one of: " + strings.Join(strings.Fields(param), ", ")
	case "eqfield":
		return "must equal " + param
	case "nefield":
		return "must differ from " + param
	case "unique":
		return "must not hold a value twice"
	}
	if what, ok := formats[rule]; ok {
		return "must be " + what
	}
	if strings.HasPrefix(rule, "required") {
		return "is required here"
	}
	if param != "" {
		return fmt.Sprintf("does not satisfy %s=%s", rule, param)
	}
	return "does not satisfy " + rule
}

// sized words a bound on a number, on a text's length or on a list's.
func sized(kind reflect.Kind, relation, param string) string {
	if param == "" { // a time, which is compared with now
		return map[string]string{
			"more than": "must be later than now", "at least": "must not be before now",
			"less than": "must be before now", "at most": "must not be later than now",
		}[relation]
	}
	switch kind {
	case reflect.String:
		return fmt.Sprintf("must have %s %s", relation, counted(param, "character"))
	case reflect.Slice, reflect.Array, reflect.Map:
		return fmt.Sprintf("must have %s %s", relation, counted(param, "item"))
	default:
		if relation == "exactly" {
			relation = "equal to"
		}
		return fmt.Sprintf("must be %s %s", relation, param)
	}
}

func counted(number, thing string) string {
	if number == "1" {
		return "1 " + thing
	}
	return number + " " + thing + "s"
}

// formats are the rules that ask for a text of a known form.
var formats = map[string]string{
	"alpha":            "letters only",
	"alphanum":         "letters and digits only",
	"ascii":            "ASCII only",
	"base64":           "base64",
	"boolean":          "true or false",
	"datetime":         "a date and time",
	"e164":             "a telephone number such as +4912345678",
	"email":            "an e-mail address",
	"fqdn":             "a full domain name",
	"hexadecimal":      "hexadecimal",
	"hostname":         "a host name",
	"hostname_rfc1123": "a host name",
	"http_url":         "an http or https URL",
	"https_url":        "an https URL",
	"ip":               "an IP address",
	"ipv4":             "an IPv4 address",
	"ipv6":             "an IPv6 address",
	"iso3166_1_alpha2": "a country code of two letters",
	"iso4217":          "a currency code",
	"json":             "JSON",
	"latitude":         "a latitude",
	"longitude":        "a longitude",
	"lowercase":        "in lower case",
	"mac":              "a MAC address",
	"numeric":          "numeric",
	"number":           "a number",
	"semver":           "a semantic version",
	"timezone":         "a time zone",
	"uppercase":        "in upper case",
	"uri":              "a URI",
	"url":              "a URL",
	"uuid":             "a UUID",
	"uuid4":            "a UUID of version 4",
	"uuid7":            "a UUID of version 7",
}
