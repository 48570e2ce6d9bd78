package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// host is the name of the service in the document's configurations.
const host = "shop.example.com"

// A proxy is a program that the document has a configuration for. What stands
// around that, in the main files of its packages, is here.
type proxy struct {
	name     string // of the program, and of the language of its block
	version  []string
	arranges func(place) arrangement

	// How long before its end an instance has to say so, and how long after its
	// start the next one may: what the document says.
	notice, settle time.Duration

	refusal string // the content type of its 413, "" for none
	// hangsUp says that it refuses by the length alone, and does not read what
	// a client is still sending.
	hangsUp bool
}

// A place is where a proxy runs: a folder of its own, and ports of loopback.
type place struct {
	folder    string
	address   string    // that it listens on
	instances [2]string // addresses of the service
}

func (p place) path(name string) string { return filepath.Join(p.folder, name) }

func (p place) port() string { return p.address[strings.LastIndexByte(p.address, ':')+1:] }

// An arrangement is what a proxy needs to run in a place.
type arrangement struct {
	substitutions []substitution
	file          string            // that the documented configuration is written to
	files         map[string]string // others
	arguments     []string
	environment   []string
	roots         string // the file of the certificates that its clients trust
}

var proxies = []proxy{
	{
		name: "nginx", version: []string{"-v"}, settle: 2 * time.Second, refusal: "text/html",
		arranges: func(p place) arrangement {
			return arrangement{
				substitutions: []substitution{
					{"10.0.0.11:8080", p.instances[0]},
					{"10.0.0.12:8080", p.instances[1]},
					{"listen 443 ", "listen " + p.address + " "},
					{"/etc/ssl/certs/shop.pem", p.path(certificateFile)},
					{"/etc/ssl/private/shop.key", p.path(keyFile)},
					{"/var/log/nginx/shop.log", p.path("shop.log")},
				},
				file: "shop.conf",
				files: map[string]string{"nginx.conf": "daemon off;\nworker_processes 2;\npid nginx.pid;\nlock_file nginx.lock;\nerror_log stderr;\n" +
					"events {}\nhttp {\nclient_body_temp_path body;\nproxy_temp_path proxy;\n" +
					"fastcgi_temp_path fastcgi;\nuwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\ninclude shop.conf;\n}\n"},
				arguments: []string{"-p", p.folder, "-c", "nginx.conf", "-e", "stderr"},
				roots:     certificateFile,
			}
		},
	},
	{
		name: "haproxy", version: []string{"-v"}, settle: 2 * time.Second, refusal: "text/html", hangsUp: true,
		arranges: func(p place) arrangement {
			return arrangement{
				substitutions: []substitution{
					{"10.0.0.11:8080", p.instances[0]},
					{"10.0.0.12:8080", p.instances[1]},
					{"bind :443 ", "bind " + p.address + " "},
					{"/etc/haproxy/shop.pem", p.path(bothFile)},
				},
				file:      "shop.cfg",
				files:     map[string]string{"global.cfg": "global\n\tmaxconn 1000\n"},
				arguments: []string{"-db", "-f", p.path("global.cfg"), "-f", p.path("shop.cfg")},
				roots:     certificateFile,
			}
		},
	},
	{
		name: "caddy", version: []string{"version"}, notice: 2 * time.Second, settle: 2 * time.Second,
		arranges: func(p place) arrangement {
			return arrangement{
				substitutions: []substitution{
					{"10.0.0.11:8080", p.instances[0]},
					{"10.0.0.12:8080", p.instances[1]},
				},
				file: "shop.caddy",
				// Its port, and a certificate of its own making, which are options
				// of Caddy and not of the site.
				files: map[string]string{"Caddyfile": "{\n\tadmin off\n\thttps_port " + p.port() + "\n\tdefault_bind 127.0.0.1\n" +
					"\tauto_https disable_redirects\n\tlocal_certs\n\tskip_install_trust\n\tservers {\n\t\tprotocols h1 h2\n\t}\n}\nimport shop.caddy\n"},
				arguments:   []string{"run", "--adapter", "caddyfile", "--config", p.path("Caddyfile")},
				environment: []string{"HOME=" + p.folder, "XDG_DATA_HOME=" + p.path("data"), "XDG_CONFIG_HOME=" + p.path("config")},
				roots:       "data/caddy/pki/authorities/local/root.crt",
			}
		},
	},
}

var errNotInstalled = errors.New("it is not installed")

// find returns the path of a program, which for some users is not in PATH.
func find(name string) (string, error) {
	if runtime.GOOS != "linux" {
		return "", errNotInstalled // or not in a way that was tried
	}
	for _, name := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNotInstalled
}

// prepare writes what a proxy needs into its folder.
func (p *proxy) prepare(document string, at place) (arrangement, error) {
	a := p.arranges(at)
	text, err := configuration(document, p.name, a.substitutions)
	if err != nil {
		return a, err
	}
	if err := writeCertificate(at.folder); err != nil {
		return a, err
	}
	if err := os.WriteFile(at.path(a.file), []byte(text), 0o600); err != nil {
		return a, err
	}
	for name, text := range a.files {
		if err := os.WriteFile(at.path(name), []byte(text), 0o600); err != nil {
			return a, err
		}
	}
	return a, nil
}

// versionOf returns the first line that a proxy says of itself.
func versionOf(program string, arguments []string) (string, error) {
	said, err := exec.Command(program, arguments...).CombinedOutput() //nolint:gosec // a program of the table
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, strings.Join(arguments, " "), err, said)
	}
	line, _, _ := strings.Cut(string(said), "\n")
	return line, nil
}
