package main

import (
	"context"
	"flag"
	"io"
	"os"

	"google.golang.org/grpc"

	"rowferry.test/client/rowferryv1"
)

const silentBatchRows = 10

// silentCommand opens streams, has one batch acknowledged on each, reports the tasks, and then
// says nothing until its standard input ends.
func silentCommand(flags *flag.FlagSet) func(ctx context.Context) error {
	service := targetFlags(flags)
	wanted := requestFlags(flags)
	streams := flags.Int("streams", 10, "silent streams")
	return func(ctx context.Context) error {
		connection, err := service.dial()
		if err != nil {
			return err
		}
		defer connection.Close()
		taskIDs := make([]string, *streams)
		for index := range taskIDs {
			if taskIDs[index], err = openSilently(ctx, connection, wanted); err != nil {
				return err
			}
		}
		if err := report(map[string]any{"task_ids": taskIDs}); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, os.Stdin)
		return err
	}
}

// openSilently gives the task of a stream whose first batch is acknowledged.
func openSilently(
	ctx context.Context, connection *grpc.ClientConn, wanted *request,
) (string, error) {
	metadata, err := wanted.metadata()
	if err != nil {
		return "", err
	}
	stream, err := rowferryv1.NewExportServiceClient(connection).Export(ctx)
	if err != nil {
		return "", err
	}
	for _, message := range []*rowferryv1.ExportRequest{metadata, rowBatch(1, silentBatchRows, 1)} {
		if err := stream.Send(message); err != nil {
			return "", err
		}
	}
	var seen outcome
	for seen.Acks == 0 {
		response, err := stream.Recv()
		if err != nil {
			return "", err
		}
		seen.take(response)
	}
	return seen.TaskID, nil
}
