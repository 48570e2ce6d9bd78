package params_test

import (
	"bufio"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
)

const urlencoded = "application/x-www-form-urlencoded"

// A part is one of a multipart body; one with a file name is a file.
type part struct{ name, file, text string }

func multipartBody(t testing.TB, parts ...part) (contentType, body string) {
	t.Helper()
	size := 0
	for _, p := range parts {
		size += 1<<10 + len(p.text)
	}
	var b strings.Builder
	b.Grow(size)
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		header := textproto.MIMEHeader{}
		disposition := map[string]string{"name": p.name}
		if p.file != "" {
			header.Set("Content-Type", "text/plain")
			disposition["filename"] = p.file
		}
		header.Set("Content-Disposition", formatDisposition(disposition))
		pw, err := w.CreatePart(header)
		require.NoError(t, err)
		_, err = pw.Write([]byte(p.text))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), b.String()
}

// formatDisposition quotes as browsers do, which mime.FormatMediaType doesn't.
func formatDisposition(params map[string]string) string {
	text := `form-data; name="` + params["name"] + `"`
	if file, ok := params["filename"]; ok {
		text += `; filename="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(file) + `"`
	}
	return text
}

type signup struct {
	Name   string      `form:"name" validate:"required"`
	Age    int         `form:"age"`
	Tags   []string    `form:"tag"`
	Avatar params.File `form:"avatar"`
}

func TestForms(t *testing.T) {
	in := accept[signup](t, request{contentType: urlencoded + "; charset=utf-8", body: "name=a%20b+c&age=7&tag=x&tag=y&other=1"})
	assert.Equal(t, signup{Name: "a b c", Age: 7, Tags: []string{"x", "y"}}, in)

	contentType, body := multipartBody(t, part{name: "name", text: "a b+c"}, part{name: "tag", text: "x"}, part{name: "age", text: "7"}, part{name: "tag", text: "y"})
	in = accept[signup](t, request{contentType: contentType, body: body})
	assert.Equal(t, signup{Name: "a b+c", Age: 7, Tags: []string{"x", "y"}}, in)

	in = accept[signup](t, request{contentType: strings.Replace(contentType, "multipart/form-data", "Multipart/Form-Data", 1), body: body})
	assert.Equal(t, 7, in.Age)

	assert.Equal(t, []string{"form name required"}, brief(refuse[signup](t, request{})))
	assert.Equal(t, []string{"form name encoding", "form age type"},
		brief(refuse[signup](t, request{contentType: urlencoded, body: "name=%ff&age=x"})))
	contentType, body = multipartBody(t, part{name: "name", text: "a"}, part{name: "name", text: "b"}, part{name: "age", text: "x"})
	assert.Equal(t, []string{"form name duplicate", "form age type"}, brief(refuse[signup](t, request{contentType: contentType, body: body})))
}

// A text under the name of a file once made the decoder panic.
func TestTextForAFileIsNoFile(t *testing.T) {
	type input struct {
		One  params.File   `form:"one"`
		Ptr  *params.File  `form:"ptr"`
		Many []params.File `form:"many" validate:"required"`
	}
	contentType, body := multipartBody(t, part{name: "one", text: "x"}, part{name: "ptr", text: "x"}, part{name: "many", text: "x"})
	for _, r := range []request{
		{contentType: urlencoded, body: "one=x&ptr=x&many=x&many=y"},
		{contentType: contentType, body: body},
	} {
		in, err := decode[input](t, r)
		assert.Equal(t, []string{"form many required"}, brief(asError(t, err)))
		assert.False(t, in.One.Given())
		assert.Nil(t, in.Ptr)
	}
}

func TestFormStatuses(t *testing.T) {
	contentType, body := multipartBody(t, part{name: "name", text: "x"})
	for _, c := range []struct {
		name   string
		r      request
		status int
		detail string
	}{
		{"json", request{body: `{"name":"x"}`}, 415, "the body must be application/x-www-form-urlencoded or multipart/form-data, as Content-Type says"},
		{"no boundary", request{contentType: "multipart/form-data", body: body}, 400, "malformed multipart form"},
		{"cut short", request{contentType: contentType, body: body[:len(body)-20]}, 400, "malformed multipart form"},
		{"compressed", request{contentType: urlencoded, header: [][2]string{{"Content-Encoding", "gzip"}}, body: "name=x"}, 415, "the body is compressed, which is not supported: send it without Content-Encoding"},
		{"compressed parts", request{contentType: contentType, header: [][2]string{{"Content-Encoding", "gzip"}}, body: body}, 415, "the body is compressed, which is not supported: send it without Content-Encoding"},
	} {
		err := refuse[signup](t, c.r)
		assert.Equal(t, c.status, err.Status, c.name)
		assert.Equal(t, c.detail, err.Detail, c.name)
		assert.Empty(t, err.Faults, c.name)
	}
}

// FuzzMultipart compares with mime/multipart, part by part, and sees that
// nothing of a body is taken for the next request.
func FuzzMultipart(f *testing.F) {
	type input struct {
		Text  *string       `form:"text"`
		Texts []string      `form:"texts"`
		File  params.File   `form:"file"`
		Files []params.File `form:"files"`
	}
	plan := compile[input](f)
	for _, parts := range [][]part{
		nil,
		{{name: "text", text: "a"}, {name: "texts", text: ""}, {name: "texts", text: "\r\n--b"}},
		{{name: "file", file: "a.txt", text: "x"}, {name: "files", file: `..\"x`, text: ""}, {name: "files", file: "/", text: "y"}},
		{{name: "text", file: "a", text: "x"}, {name: "file", text: "x"}, {name: "text", text: "1"}, {name: "text", text: "2"}},
	} {
		contentType, body := multipartBody(f, parts...)
		_, boundary, _ := strings.Cut(contentType, "boundary=")
		f.Add(strings.ReplaceAll(body, boundary, "b"))
	}
	f.Add("preamble\r\n--b\r\nContent-Disposition: form-data; name=text\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41=\r\n\r\n--b--\r\nepilogue")
	f.Add("--b\nContent-Disposition: form-data; name=\"text\"\n\nx\n--b--GET / HTTP/1.1\r\n\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		const next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n"
		wire := bufio.NewReader(strings.NewReader(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b\r\n"+
			"Content-Length: %d\r\n\r\n%s%s", len(body), body, next)))
		var ctx fasthttp.RequestCtx
		if ctx.Request.Read(wire) != nil {
			return // and no server reads on
		}
		defer ctx.Request.Reset()
		rest, err := io.ReadAll(wire)
		require.NoError(t, err)
		require.Equal(t, next, string(rest), "what is left for the next request")

		want, wantErr := readParts(body)
		var in input
		err = plan.Decode(&ctx, &in)
		defer plan.Release(&in)
		if err != nil {
			invalid := asError(t, err)
			if invalid.Status == 400 {
				require.Error(t, wantErr, "refused: %v", err)
			} else {
				require.Equal(t, 422, invalid.Status)
			}
			return
		}
		require.NoError(t, wantErr)
		if in.Text != nil {
			assert.Equal(t, []string{*in.Text}, want["text"])
		} else {
			assert.Empty(t, want["text"])
		}
		assert.Equal(t, want["texts"], in.Texts)
		if in.File.Given() {
			assert.Equal(t, []string{content(t, in.File)}, want["file"])
		} else {
			assert.Empty(t, want["file"])
		}
		var files []string
		for _, file := range in.Files {
			files = append(files, content(t, file))
		}
		assert.Equal(t, want["files"], files)
	})
}

func TestTextsThatAreTooLongAreOneFault(t *testing.T) {
	type input struct {
		A string `form:"a"`
	}
	part := "--b\r\nContent-Disposition: form-data; name=a; filename=x\r\n\r\n" + strings.Repeat("x", 10<<20+1) + "\r\n"
	err := refuse[input](t, request{contentType: "multipart/form-data; boundary=b", body: part + part + "--b--\r\n"})
	assert.Equal(t, []string{"form a type"}, brief(err))
}

// readParts returns what a multipart body has under each name: the contents of
// files where the name begins with "file", and else texts, after which come those
// that were sent as files.
func readParts(body string) (map[string][]string, error) {
	if body == "" {
		return nil, io.ErrUnexpectedEOF // it has no end, which mime/multipart does not miss
	}
	found, blobs := make(map[string][]string), make(map[string][]string)
	reader := multipart.NewReader(strings.NewReader(body), "b")
	for {
		p, err := reader.NextPart()
		if err == io.EOF { //nolint:errorlint // wrapped, it means that the end is missing
			for name, texts := range blobs {
				found[name] = append(found[name], texts...)
			}
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		name := p.FormName()
		if name == "" {
			continue // no field, and not read
		}
		text, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		switch isFile := p.FileName() != ""; {
		case isFile == strings.HasPrefix(name, "file"):
			found[name] = append(found[name], string(text))
		case isFile:
			blobs[name] = append(blobs[name], string(text))
		}
	}
}

// content reads an upload, whose name must be fit to be displayed.
func content(t *testing.T, file params.File) string {
	t.Helper()
	assert.NotContains(t, file.Name, "/")
	assert.NotContains(t, file.Name, `\`)
	assert.Equal(t, -1, strings.IndexFunc(file.Name, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", file.Name)
	reader, err := file.Open()
	require.NoError(t, err)
	defer reader.Close()
	text, err := io.ReadAll(reader)
	require.NoError(t, err)
	assert.Len(t, text, int(file.Size))
	return string(text)
}

// What docs/sizing.md says of the memory of forms are fasthttp's limits and
// those of mime/multipart.
func TestTheMemoryOfAForm(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	type input struct {
		Text string      `form:"text"`
		File params.File `form:"file"`
	}
	plan := compile[input](t)
	const mib = 1 << 20
	for name, test := range map[string]struct {
		chunked    bool
		file, text int // bytes, the file first
		refused    bool
		onDisk     int // temporary files
	}{
		"too many texts":               {text: 27 * mib, refused: true},
		"too many behind it":           {file: 15 * mib, text: 12 * mib, refused: true},
		"behind a file on the disk":    {file: 17 * mib, text: 25 * mib, onDisk: 1},
		"in chunks, as much as wanted": {chunked: true, file: 17 * mib, text: 27 * mib},
	} {
		t.Run(name, func(t *testing.T) {
			var parts []part
			if test.file > 0 {
				parts = append(parts, part{"file", "f", strings.Repeat("x", test.file)})
			}
			parts = append(parts, part{name: "text", text: strings.Repeat("x", test.text)})
			contentType, body := multipartBody(t, parts...)
			framing, end := fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)), ""
			if test.chunked {
				framing, end = fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", len(body)), "\r\n0\r\n\r\n"
			}
			raw, err := parsed("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: "+contentType+"\r\n"+framing, body, end)
			if test.refused {
				require.ErrorIs(t, err, multipart.ErrMessageTooLarge)
				return
			}
			require.NoError(t, err)
			var in input
			require.NoError(t, plan.Decode(raw, &in))
			assert.Len(t, in.Text, test.text)
			assert.EqualValues(t, test.file, in.File.Size)
			files, err := os.ReadDir(folder)
			require.NoError(t, err)
			assert.Len(t, files, test.onDisk)
			plan.Release(&in)
			raw.Request.Reset()
		})
	}
}
