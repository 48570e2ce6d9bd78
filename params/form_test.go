package params_test

import (
	"bytes"
	"mime/multipart"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

const urlencoded = "application/x-www-form-urlencoded"

// A part is one of a multipart body; one with a file name is a file.
type part struct{ name, file, text string }

func multipartBody(t testing.TB, parts ...part) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
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
	contentType, body = multipartBody(t, part{name: "name", text: "a"}, part{name: "name", text: "b"}, part{name: "age", text: ""})
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

func TestFileForATextIsNoText(t *testing.T) {
	contentType, body := multipartBody(t, part{name: "name", file: "a.txt", text: "x"})
	assert.Equal(t, []string{"form name required"}, brief(refuse[signup](t, request{contentType: contentType, body: body})))
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
