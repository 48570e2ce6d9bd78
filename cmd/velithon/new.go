package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

func newCommand() *cobra.Command {
	var checkout string
	command := &cobra.Command{
		Use:   "new MODULE",
		Short: "Write a small service into a new folder",
		Long: `New writes a small service into a new folder of the current one, with tests,
Dockerfile, compose.yaml and a workflow for CI. MODULE is the path of its module,
and the last element is the folder: "velithon new github.com/ada/shop" writes into
the folder shop, and so does "velithon new shop".

It runs "go mod tidy" in the folder, which asks the module proxy for what is not
in the module cache.`,
		Args:              exactly(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(command *cobra.Command, args []string) error {
			return newProject(command, args[0], checkout)
		},
	}
	command.Flags().StringVar(&checkout, "replace", "", "use the framework in the folder `PATH`, a checkout, in place of a released one")
	_ = command.MarkFlagDirname("replace") // the flag is there
	return command
}

func newProject(command *cobra.Command, modulePath, checkout string) error {
	ctx := command.Context()
	folder, err := folderOf(ctx, modulePath)
	if err != nil {
		return usageError{err}
	}
	info, _ := debug.ReadBuildInfo()
	requirement, err := requirementOf(info, checkout)
	if err != nil {
		return err
	}
	if err := makeFolder(folder); err != nil {
		return err
	}
	if err := writeProject(folder, modulePath, requirement); err != nil {
		return fmt.Errorf("write the project: %w", err)
	}
	tidy := exec.CommandContext(ctx, "go", "mod", "tidy")
	tidy.Dir = folder
	tidy.Env = append(os.Environ(), "GOWORK=off")
	if output, err := tidy.CombinedOutput(); err != nil {
		return fmt.Errorf("the files are in %s, but \"go mod tidy\" has failed there (%w): run it again when its fault is mended\n\n%s",
			folder, err, strings.TrimSpace(string(output)))
	}
	text := fmt.Sprintf("The service is in %[1]s. What to try next:\n\n\tcd %[1]s\n\tgo test ./...\n\tgo run .\n", folder)
	if checkout != "" {
		text += "\nIts go.mod has a replace to a folder of this machine: an image and CI can't be built before that is gone.\n"
	}
	if workspace, err := goCommand(ctx, "env", "GOWORK"); err == nil && filepath.IsAbs(strings.TrimSpace(workspace)) {
		text += "\nThis folder is in a workspace, which the service has to belong to: go work use " + folder + "\n"
	}
	_, err = fmt.Fprint(command.OutOrStdout(), text)
	return err
}

// folderOf returns the folder of a module: the last element of its path that is no version.
func folderOf(ctx context.Context, modulePath string) (string, error) {
	if err := module.CheckImportPath(modulePath); err != nil {
		return "", fmt.Errorf("%q can't be the path of a module: use letters, digits and -._~, as in shop or github.com/ada/shop", modulePath)
	}
	prefix, _, ok := module.SplitPathVersion(modulePath)
	if !ok {
		return "", fmt.Errorf("%q can't be the path of a module: a version at its end is /v2 or more", modulePath)
	}
	folder := prefix[strings.LastIndexByte(prefix, '/')+1:]
	if strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "_") {
		return "", fmt.Errorf("%q can't be a folder of Go code: Go leaves out what begins with %q", folder, folder[:1])
	}
	if first, _, _ := strings.Cut(modulePath, "/"); !strings.Contains(first, ".") && isTaken(ctx, modulePath) {
		return "", fmt.Errorf("%q means something to Go already: use another name, or a path such as example.com/%[1]s", modulePath)
	}
	return folder, nil
}

// isTaken reports whether a path without a domain is a package of Go's own, or a word of
// the go command.
func isTaken(ctx context.Context, modulePath string) bool {
	switch modulePath {
	case "all", "cmd", "main", "std", "tool", "work":
		return true
	}
	list := exec.CommandContext(ctx, "go", "list", "-find", "-f", "{{.Standard}}", modulePath) //nolint:gosec // it has been checked
	list.Dir = os.TempDir()
	output, _ := list.Output() // it fails for all other paths
	return strings.TrimSpace(string(output)) == "true"
}

// others are the modules of the framework's own that a service may need besides.
var others = []string{
	"durable", "middleware/jwt", "middleware/ratelimit", "telemetry/otel", "telemetry/prometheus", "websocket",
}

// requirementOf returns the lines of a go.mod that say where the framework comes from.
func requirementOf(info *debug.BuildInfo, checkout string) (string, error) {
	if checkout != "" {
		path, err := filepath.Abs(checkout)
		if err != nil {
			return "", err
		}
		content, err := os.ReadFile(filepath.Join(path, "go.mod")) //nolint:gosec // the user names it
		if err != nil || modfile.ModulePath(content) != framework {
			return "", usageError{fmt.Errorf("--replace %s: there is no go.mod of %s", checkout, framework)}
		}
		var text strings.Builder
		fmt.Fprintf(&text, "require %s v0.0.0\n\nreplace (\n\t%[1]s => %s\n", framework, modfile.AutoQuote(path))
		for _, name := range others { // for the day on which it is wanted
			fmt.Fprintf(&text, "\t%s/%s => %s\n", framework, name, modfile.AutoQuote(filepath.Join(path, filepath.FromSlash(name))))
		}
		text.WriteString(")\n")
		return text.String(), nil
	}
	// What came by the module proxy has a sum; what was built in a checkout has none,
	// though its version may look like one.
	if info == nil || info.Main.Sum == "" {
		return "", errors.New("this velithon was built in a checkout, so that no version of the framework goes with it: give the checkout, " +
			"velithon new --replace PATH MODULE, or install a released one, go install " + framework + "/cmd/velithon@latest")
	}
	version := info.Main.Version
	if module.IsPseudoVersion(version) {
		// It counts from a tag of the command, and that of the framework may be another.
		if revision, err := module.PseudoVersionRev(version); err == nil {
			version = revision
		}
	}
	return fmt.Sprintf("require %s %s\n", framework, version), nil
}

// makeFolder makes a folder, unless there is an empty one.
func makeFolder(folder string) error {
	err := os.Mkdir(folder, 0o755) //nolint:gosec // source for everybody who may read the folder around it
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("%s is there already, and no folder: give another name, or remove it", folder)
	}
	if len(entries) > 0 {
		return fmt.Errorf("the folder %s is there already, and not empty: give another name, or remove it", folder)
	}
	return nil
}
