// Command client drives a running Rowferry service through stock grpc-go: nothing in it is tuned
// to the service. It prints one JSON object a line; the last line is the outcome.
//
//	client stream   rows of the data set, on one or many streams at once
//	client silent   streams that send metadata and one batch, then nothing
//	client push     encoded batches from a file, for the benchmarks
//	client websocket  the same over a WebSocket (gorilla/websocket), with resume
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
)

// command registers its flags and gives the function that runs once they are parsed.
type command func(flags *flag.FlagSet) func(ctx context.Context) error

var commands = map[string]command{
	"stream":    streamCommand,
	"silent":    silentCommand,
	"push":      pushCommand,
	"websocket": websocketCommand,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 || commands[arguments[0]] == nil {
		return errors.New("usage: client stream|silent|push|websocket [flags]")
	}
	flags := flag.NewFlagSet(arguments[0], flag.ExitOnError)
	timeout := flags.Duration("timeout", defaultTimeout, "longest run")
	execute := commands[arguments[0]](flags)
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	return execute(ctx)
}

// report prints one JSON line.
func report(value any) error {
	return json.NewEncoder(os.Stdout).Encode(value)
}
