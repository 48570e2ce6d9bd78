package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

const howItRuns = `

The program is built and run until its app would begin to serve. It does not listen,
and no background work is done; but what it does before that, such as opening a
database, it does. Arguments behind -- are the program's.`

func routesCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "routes [flags] [-- ARGUMENTS]",
		Short: "Print the routes of the program in the current folder",
		Long: `Routes prints the routes of the program in the current folder, in the order in
which they were added. GUARDED BY has the security schemes of its providers: one
of those with an "or" between them is enough. What middleware refuses is not known.` + howItRuns,
		Args:              forTheProgram,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(command *cobra.Command, args []string) error {
			d, err := describe(command.Context(), args)
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(command.OutOrStdout())
				encoder.SetEscapeHTML(false)
				encoder.SetIndent("", "  ")
				return encoder.Encode(d.Routes)
			}
			return printRoutes(command.OutOrStdout(), d.Routes)
		},
		DisableFlagsInUseLine: true,
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print an array of objects")
	return command
}

func openapiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "openapi [-- ARGUMENTS]",
		Short: "Print the OpenAPI document of the program in the current folder",
		Long: `Openapi prints the OpenAPI document of the program in the current folder, as the
program serves it by openapi.Mount.` + howItRuns,
		Args:              forTheProgram,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(command *cobra.Command, args []string) error {
			d, err := describe(command.Context(), args)
			switch {
			case err != nil:
				return err
			case d.DocumentError != "":
				return errors.New(d.DocumentError)
			case d.Document == "":
				return errors.New("the program serves no document: call openapi.Mount, of " + framework + "/openapi, with its app")
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), strings.TrimSuffix(d.Document, "\n"))
			return err
		},
		DisableFlagsInUseLine: true,
	}
}

// forTheProgram refuses arguments that are not behind --.
func forTheProgram(command *cobra.Command, args []string) error {
	if at := command.ArgsLenAtDash(); len(args) > 0 && at != 0 {
		return usageError{fmt.Errorf("%q is an argument of velithon: those of the program stand behind --", args[0])}
	}
	return nil
}

func printRoutes(w io.Writer, routes []route) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "METHOD\tPATTERN\tGUARDED BY\tHANDLER") // Flush has the error
	for _, r := range routes {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", r.Method, r.Pattern, guards(r.Security), handlerName(r))
	}
	return table.Flush()
}

// guards returns the ways into a route in words.
func guards(ways [][]guard) string {
	if len(ways) == 0 {
		return "-"
	}
	words := make([]string, len(ways))
	for i, way := range ways {
		schemes := make([]string, len(way))
		for j, g := range way {
			schemes[j] = g.Scheme
			if len(g.Scopes) > 0 {
				schemes[j] += "(" + strings.Join(g.Scopes, " ") + ")"
			}
		}
		words[i] = strings.Join(schemes, "+")
		if len(way) == 0 {
			words[i] = "nothing"
		}
	}
	return strings.Join(words, " or ")
}

// handlerName returns the function of a route as people call it, with the name of the
// route if it has one.
func handlerName(r route) string {
	name := strings.TrimSuffix(r.Handler[strings.LastIndexByte(r.Handler, '/')+1:], "-fm")
	if r.Name != "" {
		name += " (" + r.Name + ")"
	}
	return name
}
