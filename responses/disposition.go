package responses

import (
	"fmt"
	"strings"
)

// attachment returns the value of Content-Disposition that offers a download
// under name (RFC 6266). A name that is not plain ASCII is given twice: as it is
// in filename*, and for old clients in filename with "_" for what that cannot
// hold. A client must not take a path from a server, so none is sent to it: its
// separators become "_" in both.
func attachment(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))

	plain := strings.Map(func(r rune) rune {
		if r > '~' || r == '"' || r == '%' { // clients differ on an escaped quote, and some decode %
			return '_'
		}
		return r
	}, name)
	if plain == name {
		return fmt.Sprintf(`attachment; filename="%s"`, plain)
	}
	return fmt.Sprintf(`attachment; filename="%s"; filename*=UTF-8''%s`, plain, percentEncoded(name))
}

// percentEncoded writes name as an ext-value of RFC 8187, section 3.2.
func percentEncoded(name string) string {
	var encoded strings.Builder
	for i := range len(name) {
		if c := name[i]; isAlphanumeric(c) || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			encoded.WriteByte(c)
		} else {
			fmt.Fprintf(&encoded, "%%%02X", c)
		}
	}
	return encoded.String()
}
