package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"rowferry.test/client/rowferryv1"
)

const exportMethod = "/rowferry.v1.ExportService/Export"

// batchFile is a file of bench/frames.py in memory: encoded RecordBatch messages and their rows.
type batchFile struct {
	batches [][]byte
	rows    int64
}

func readBatchFile(path string) (*batchFile, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file := new(batchFile)
	for len(content) > 0 {
		if len(content) < 8 {
			return nil, errors.New("the file ends within a frame's header")
		}
		size, rows := binary.BigEndian.Uint32(content), binary.BigEndian.Uint32(content[4:])
		content = content[8:]
		if uint64(len(content)) < uint64(size) {
			return nil, errors.New("the file ends within a batch")
		}
		file.batches = append(file.batches, content[:size:size])
		file.rows += int64(rows)
		content = content[size:]
	}
	return file, nil
}

// encoded is an ExportRequest that is bytes already.
type encoded struct {
	head []byte
	body []byte
}

func encodedBatch(batch []byte) encoded {
	head := protowire.AppendTag(nil, 2, protowire.BytesType)
	return encoded{head: protowire.AppendVarint(head, uint64(len(batch))), body: batch}
}

// encodedCodec sends encoded requests as they are: the benchmarks measure the service, not
// grpc-go's protobuf.
type encodedCodec struct{}

func (encodedCodec) Name() string { return "proto" }

func (encodedCodec) Marshal(message any) (mem.BufferSlice, error) {
	switch value := message.(type) {
	case encoded:
		return mem.BufferSlice{mem.SliceBuffer(value.head), mem.SliceBuffer(value.body)}, nil
	case proto.Message:
		content, err := proto.Marshal(value)
		return mem.BufferSlice{mem.SliceBuffer(content)}, err
	}
	return nil, fmt.Errorf("can't encode %T", message)
}

func (encodedCodec) Unmarshal(content mem.BufferSlice, message any) error {
	return proto.Unmarshal(content.Materialize(), message.(*rowferryv1.ExportResponse))
}

// pushCommand sends the batches of a file, read before the clock starts, on every stream.
func pushCommand(flags *flag.FlagSet) func(ctx context.Context) error {
	service := targetFlags(flags)
	wanted := requestFlags(flags)
	path := flags.String("batches", "", "file of bench/frames.py")
	streams := flags.Int("streams", 1, "streams at once, on one connection")
	rate := flags.Int64("rate", 0, "rows a second of each stream at most; 0 = as fast as they go")
	inFlight := flags.Int("in-flight", 0, "batches of a stream without their ack at most; 0 = any number")
	return func(ctx context.Context) error {
		file, err := readBatchFile(*path)
		if err != nil {
			return err
		}
		return onStreams(ctx, service, *streams,
			func(ctx context.Context, connection *grpc.ClientConn) (outcome, error) {
				return file.push(ctx, connection, wanted, *rate, newAckClock(*inFlight))
			})
	}
}

func (f *batchFile) push(
	ctx context.Context, connection *grpc.ClientConn, wanted *request, rate int64, clock *ackClock,
) (outcome, error) {
	metadata, err := wanted.metadata()
	if err != nil {
		return outcome{}, err
	}
	start := time.Now()
	description := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	stream, err := connection.NewStream(
		ctx, description, exportMethod, grpc.ForceCodecV2(encodedCodec{}))
	if err != nil {
		return outcome{}, err
	}
	if err := stream.SendMsg(metadata); err != nil {
		return outcome{}, err
	}
	received := make(chan outcome, 1)
	go func() {
		received <- receive(stream, func(seen *outcome) { clock.acked(seen.AckedSequence) })
		clock.end()
	}()
	next := 0
	err = sendAll(stream, func() (any, error) {
		if next == len(f.batches) {
			return nil, nil
		}
		if rate > 0 {
			sent := f.rows * int64(next) / int64(len(f.batches))
			time.Sleep(time.Duration(sent)*time.Second/time.Duration(rate) - time.Since(start))
		}
		next++
		clock.send()
		return encodedBatch(f.batches[next-1]), nil
	})
	if err != nil {
		return outcome{}, err
	}
	sendSeconds, sentAt := secondsSince(start), float64(time.Now().UnixMicro())/1e6
	end := <-received
	end.AckSeconds, end.SentAt = clock.seconds, sentAt
	end.RowsSent, end.SendSeconds, end.Seconds = f.rows, sendSeconds, secondsSince(start)
	return end, nil
}
