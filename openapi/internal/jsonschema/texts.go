package jsonschema

import (
	"fmt"
	"regexp"
	"strings"
)

// formats are the rules on texts that a format of JSON Schema says. Most tools take a
// format for a hint and not for a demand.
var formats = map[string]string{
	"email": "email", "uri": "uri", "url": "uri",
	"ipv4": "ipv4", "ip4_addr": "ipv4", "ipv6": "ipv6", "ip6_addr": "ipv6",
}

// layouts are the layouts of package time that a format says.
var layouts = map[string]string{"2006-01-02": "date", "2006-01-02T15:04:05Z07:00": "date-time"}

const (
	hex      = "[0-9a-f]"
	anyHex   = "[0-9a-fA-F]"
	hostname = `([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$`
)

// uuid returns the pattern of a UUID of these digits, with a version and a variant.
func uuid(digit, version, variant string) string {
	return fmt.Sprintf("^%[1]s{8}-%[1]s{4}-%[2]s-%[3]s-%[1]s{12}$", digit, version, variant)
}

// patterns are the rules on texts that the validator judges by a regular expression, in
// words that JSON Schema (ECMA-262) and Go read alike. A test compares them with the
// validator.
var patterns = map[string]string{
	"alpha":            "^[a-zA-Z]+$",
	"alphanum":         "^[a-zA-Z0-9]+$",
	"alphanumspace":    "^[a-zA-Z0-9 ]+$",
	"alphanumunicode":  `^[\p{L}\p{N}]+$`,
	"alphaspace":       "^[a-zA-Z ]+$",
	"alphaunicode":     `^[\p{L}]+$`,
	"ascii":            `^[\x00-\x7F]*$`,
	"base32":           "^([A-Z2-7]{8})*([A-Z2-7]{2}={6}|[A-Z2-7]{4}={4}|[A-Z2-7]{5}={3}|[A-Z2-7]{7}=|[A-Z2-7]{8})$",
	"base64":           "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$",
	"base64rawurl":     "^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2,4})$",
	"base64url":        "^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2}==|[A-Za-z0-9_-]{3}=|[A-Za-z0-9_-]{4})$",
	"cve":              `^CVE-(1999|2\d{3})-(0[^0]\d{2}|0\d[^0]\d{1}|0\d{2}[^0]|[1-9]{1}\d{3,})$`,
	"e164":             `^\+?[1-9]\d{7,14}$`,
	"eth_addr":         "^0x" + anyHex + "{40}$",
	"hexadecimal":      "^(0[xX])?" + anyHex + "+$",
	"hexcolor":         "^#(" + anyHex + "{3}|" + anyHex + "{4}|" + anyHex + "{6}|" + anyHex + "{8})$",
	"hostname":         "^[a-zA-Z]" + hostname,
	"hostname_rfc1123": "^[a-zA-Z0-9]" + hostname,
	"jwt":              `^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$`,
	"md4":              "^" + hex + "{32}$",
	"md5":              "^" + hex + "{32}$",
	"mongodb":          "^" + hex + "{24}$",
	"number":           "^[0-9]+$",
	"numeric":          `^[-+]?[0-9]+(\.[0-9]+)?$`,
	"printascii":       `^[\x20-\x7E]*$`,
	"ripemd128":        "^" + hex + "{32}$",
	"ripemd160":        "^" + hex + "{40}$",
	"semver":           `^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-((0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(\+([0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*))?$`,
	"sha256":           "^" + hex + "{64}$",
	"sha384":           "^" + hex + "{96}$",
	"sha512":           "^" + hex + "{128}$",
	"tiger128":         "^" + hex + "{32}$",
	"tiger160":         "^" + hex + "{40}$",
	"tiger192":         "^" + hex + "{48}$",
	"url_encoded":      "^([^%]|%[0-9A-Fa-f]{2})*$",
	"uuid":             uuid(anyHex, anyHex+"{4}", anyHex+"{4}"),
	"uuid3":            uuid(hex, "3"+hex+"{3}", hex+"{4}"),
	"uuid4":            uuid(hex, "4"+hex+"{3}", "[89ab]"+hex+"{3}"),
	"uuid5":            uuid(hex, "5"+hex+"{3}", "[89ab]"+hex+"{3}"),
	"uuid7":            uuid(hex, "7"+hex+"{3}", "[89ab]"+hex+"{3}"),
	"uuid_rfc4122":     uuid(anyHex, anyHex+"{4}", anyHex+"{4}"),
	"uuid3_rfc4122":    uuid(anyHex, "3"+anyHex+"{3}", anyHex+"{4}"),
	"uuid4_rfc4122":    uuid(anyHex, "4"+anyHex+"{3}", "[89abAB]"+anyHex+"{3}"),
	"uuid5_rfc4122":    uuid(anyHex, "5"+anyHex+"{3}", "[89abAB]"+anyHex+"{3}"),
}

// applyText adds a rule on texts, and reports whether keywords say all of it.
func applyText(o *Object, name, argument string) bool {
	if p := patterns[name]; p != "" {
		switch {
		case strings.HasPrefix(name, "uuid"):
			o.Set("format", "uuid")
		case name == "base64":
			o.Set("contentEncoding", "base64")
		}
		Add(o, "pattern", p)
		return true
	}
	if format := formats[name]; format != "" {
		Add(o, "format", format)
		return true
	}
	literal := regexp.QuoteMeta(argument)
	switch name {
	case "datetime":
		if layouts[argument] == "" {
			return false
		}
		Add(o, "format", layouts[argument])
	case "ip", "ip_addr":
		Add(o, "anyOf", []any{Obj("format", "ipv4"), Obj("format", "ipv6")})
	case "json":
		Add(o, "contentMediaType", "application/json")
	case "boolean":
		Add(o, "enum", []string{"1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"})
	case "http_url", "https_url":
		o.Set("format", "uri")
		return false
	case "startswith":
		Add(o, "pattern", "^"+literal)
	case "endswith":
		Add(o, "pattern", literal+"$")
	case "contains", "containsrune":
		Add(o, "pattern", literal)
	case "containsany":
		Add(o, "pattern", "["+class(argument)+"]")
	case "startsnotwith":
		Add(o, "not", Obj("pattern", "^"+literal))
	case "endsnotwith":
		Add(o, "not", Obj("pattern", literal+"$"))
	case "excludes", "excludesrune":
		Add(o, "not", Obj("pattern", literal))
	case "excludesall":
		Add(o, "not", Obj("pattern", "["+class(argument)+"]"))
	default:
		return false
	}
	return true
}

// class escapes characters for a class of a regular expression.
func class(characters string) string {
	return strings.NewReplacer(`\`, `\\`, "]", `\]`, "[", `\[`, "^", `\^`, "-", `\-`).Replace(characters)
}
