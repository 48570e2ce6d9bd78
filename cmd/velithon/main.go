// Velithon writes a small service on the framework velithon, and prints what a service
// serves:
//
//	velithon new shop     # writes one into the folder shop
//	velithon routes       # prints the routes of the program in the current folder
//	velithon openapi      # prints its OpenAPI document
//	velithon completion   # prints a completion script for a shell
//
// It exits with 1 when something goes wrong, and with 2 when it is called in a wrong way.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// framework is the module that services are made with.
const framework = "github.com/velithon-go/velithon"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run runs a command, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := rootCommand()
	command.SetArgs(args)
	command.SetOut(stdout)
	command.SetErr(stderr)
	err := command.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintln(stderr, "velithon:", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	return 1
}

// A usageError is a call that means nothing.
type usageError struct{ error }

// Unwrap returns what is wrong with the call.
func (e usageError) Unwrap() error { return e.error }

// exactly has a command refuse all but n arguments.
func exactly(n int) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("the usage is: %s", command.UseLine())}
		}
		return nil
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "velithon",
		Short:         "Writes a service on velithon, and prints what one serves",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("there is no command %q: velithon --help lists them", args[0])}
			}
			return nil
		},
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w: see %s --help", err, command.CommandPath())}
	})
	root.AddCommand(newCommand(), routesCommand(), openapiCommand(), versionCommand())
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of velithon, and of the Go that it was built with",
		Args:  exactly(0),

		DisableFlagsInUseLine: true,
		ValidArgsFunction:     cobra.NoFileCompletions,
		RunE: func(command *cobra.Command, _ []string) error {
			version := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok {
				version = info.Main.Version
			}
			_, err := fmt.Fprintln(command.OutOrStdout(), "velithon", version, runtime.Version())
			return err
		},
	}
}
