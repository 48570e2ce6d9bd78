package main

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// service is the project as it is written, but for its name and its go.mod: a folder with
// one is another module, which can't be embedded. Go leaves out what begins with "_".
//
//go:embed all:_service
var service embed.FS

// serviceFolder is where the project is in service, and serviceName what it is called there.
const (
	serviceFolder = "_service"
	serviceName   = "shop"
)

// named are the files in which the name stands.
var named = map[string]bool{"README.md": true, "app.go": true, "main_test.go": true, ".gitignore": true}

// writeProject writes the service into a folder, whose name it has.
func writeProject(folder, modulePath, requirement string) error {
	files, err := fs.Sub(service, serviceFolder)
	if err != nil {
		return err
	}
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(folder, filepath.FromSlash(name))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755) //nolint:gosec // as makeFolder
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		text := string(content)
		if named[name] {
			text = strings.ReplaceAll(text, serviceName, filepath.Base(folder))
		}
		return writeFile(target, text)
	})
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(folder, "go.mod"), "module "+modulePath+"\n\ngo 1.26.0\n\n"+requirement)
}

func writeFile(name, text string) error {
	return os.WriteFile(name, []byte(text), 0o644) //nolint:gosec // as makeFolder
}
