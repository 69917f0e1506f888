package main

import (
	"context"
	"flag"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"

	"rowferry.test/client/rowferryv1"
)

// rowsJob is one export of the data set's first rows.
type rowsJob struct {
	request   *request
	rows      int64
	batchRows int64

	pause       time.Duration // before every batch: a slow source
	readAtEnd   bool          // read no response before all rows are sent
	progress    bool          // report every ack as it comes
	vanishAfter int64         // exit without a word once so many rows are acknowledged; 0 = stay
}

type ackProgress struct {
	TaskID        string `json:"task_id"`
	AckedSequence int64  `json:"acked_sequence"`
	AckedRows     int64  `json:"acked_rows"`
}

func streamCommand(flags *flag.FlagSet) func(ctx context.Context) error {
	service := targetFlags(flags)
	job := rowsJob{request: requestFlags(flags)}
	flags.Int64Var(&job.rows, "rows", 200_000, "rows of each stream")
	flags.Int64Var(&job.batchRows, "batch-rows", 1000, "rows of a batch")
	flags.DurationVar(&job.pause, "pause", 0, "wait before every batch")
	flags.BoolVar(&job.readAtEnd, "read-at-end", false, "read nothing until all rows are sent")
	flags.BoolVar(&job.progress, "progress", false, "print every ack")
	flags.Int64Var(&job.vanishAfter, "vanish-after", 0, "exit once so many rows are acknowledged")
	streams := flags.Int("streams", 1, "streams at once, on one connection")
	return func(ctx context.Context) error {
		return onStreams(ctx, service, *streams, job.run)
	}
}

// onStreams runs exports at once on one connection and reports their outcomes.
func onStreams(
	ctx context.Context,
	service *target,
	streams int,
	export func(ctx context.Context, connection *grpc.ClientConn) (outcome, error),
) error {
	connection, err := service.dial()
	if err != nil {
		return err
	}
	defer connection.Close()
	start := time.Now()
	outcomes := make([]outcome, streams)
	failures := make([]error, streams)
	var running sync.WaitGroup
	for index := range outcomes {
		running.Add(1)
		go func() {
			defer running.Done()
			outcomes[index], failures[index] = export(ctx, connection)
		}()
	}
	running.Wait()
	for _, failure := range failures {
		if failure != nil {
			return failure
		}
	}
	return report(summary(outcomes, secondsSince(start)))
}

type total struct {
	Exports       []outcome `json:"exports"`
	Seconds       float64   `json:"seconds"`
	RowsPerSecond float64   `json:"rows_per_second"`
}

func summary(outcomes []outcome, seconds float64) total {
	var rows int64
	for _, export := range outcomes {
		rows += export.RowsSent
	}
	return total{Exports: outcomes, Seconds: seconds, RowsPerSecond: float64(rows) / seconds}
}

func (j *rowsJob) run(ctx context.Context, connection *grpc.ClientConn) (outcome, error) {
	start := time.Now()
	stream, err := rowferryv1.NewExportServiceClient(connection).Export(ctx)
	if err != nil {
		return outcome{}, err
	}
	metadata, err := j.request.metadata()
	if err != nil {
		return outcome{}, err
	}
	if err := stream.Send(metadata); err != nil {
		return outcome{}, err
	}
	received := make(chan outcome, 1)
	read := func() { received <- receive(stream, j.onResponse) }
	if !j.readAtEnd {
		go read()
	}
	var sent int64
	if err := sendAll(stream, func() (any, error) { return j.nextBatch(&sent) }); err != nil {
		return outcome{}, err
	}
	sendSeconds := secondsSince(start)
	if j.readAtEnd {
		read()
	}
	end := <-received
	end.RowsSent, end.SendSeconds, end.Seconds = sent, sendSeconds, secondsSince(start)
	return end, nil
}

// nextBatch gives the batch behind the first sent rows, nil behind the last.
func (j *rowsJob) nextBatch(sent *int64) (any, error) {
	if *sent >= j.rows {
		return nil, nil
	}
	time.Sleep(j.pause)
	size := min(j.batchRows, j.rows-*sent)
	batch := rowBatch(*sent+1, size, *sent/j.batchRows+1)
	*sent += size
	return batch, nil
}

// rowBatch encodes rows first, first+1, ... as one message.
func rowBatch(first, size, sequence int64) *rowferryv1.ExportRequest {
	records := make([]*rowferryv1.Record, size)
	for index := range records {
		records[index] = record(first + int64(index))
	}
	batch := &rowferryv1.RecordBatch{Records: records, BatchSequence: sequence}
	return &rowferryv1.ExportRequest{Payload: &rowferryv1.ExportRequest_Batch{Batch: batch}}
}

func (j *rowsJob) onResponse(seen *outcome) {
	if seen.Acks == 0 {
		return
	}
	vanishing := j.vanishAfter > 0 && seen.AckedRows >= j.vanishAfter
	if j.progress || vanishing {
		// a failed write to stdout means that nobody listens any more
		if report(ackProgress{seen.TaskID, seen.AckedSequence, seen.AckedRows}) != nil || vanishing {
			os.Exit(0)
		}
	}
}
