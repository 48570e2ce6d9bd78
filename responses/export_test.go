package responses

// What tests of this package need from inside.

func (e Event) Append(dst []byte) ([]byte, error) { return e.append(dst) }

type ByteRange = byteRange

func (r byteRange) Start() int64  { return r.start }
func (r byteRange) Length() int64 { return r.length }

var (
	ParseRange = parseRange
	Missing    = missing
	Attachment = attachment
	ASCIIURI   = asciiURI
)
