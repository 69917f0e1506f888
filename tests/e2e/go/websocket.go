package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	subprotocol     = "rowferry.ingest.v1"
	redialPause     = 50 * time.Millisecond
	connectionSends = 64 << 10
)

// frame is any control frame of the service.
type frame struct {
	Type          string            `json:"type"`
	TaskID        string            `json:"task_id"`
	NextSequence  int64             `json:"next_sequence"`
	CreditBytes   int64             `json:"credit_bytes"`
	BatchSequence int64             `json:"batch_sequence"`
	Rows          int64             `json:"rows"`
	Status        string            `json:"status"`
	Link          string            `json:"oss_url"`
	SHA256        string            `json:"checksum_sha256"`
	FileSizeBytes int64             `json:"file_size_bytes"`
	RecordCount   int64             `json:"record_count"`
	ErrorCode     string            `json:"error_code"`
	ErrorContext  map[string]string `json:"error_context"`
	Error         *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// upload is one export over as many connections as it takes.
type upload struct {
	file     *batchFile
	url      string
	metadata json.RawMessage
	cutAfter int
	gateAt   int
	redial   bool
	seen     outcome
	connects int
}

// websocketCommand sends the batches of a file over a WebSocket, and resumes what breaks.
func websocketCommand(flags *flag.FlagSet) func(ctx context.Context) error {
	wanted := requestFlags(flags)
	address := flags.String("address", "127.0.0.1:9092", "host:port of the service's WebSocket door")
	path := flags.String("batches", "", "file of bench/frames.py")
	cutAfter := flags.Int("cut-after", 0, "break the first connection after so many batches")
	gateAt := flags.Int("gate-at", 0, "wait for a line of input before this batch, once")
	redial := flags.Bool("redial", false, "dial again and resume for as long as the service is away")
	return func(ctx context.Context) error {
		file, err := readBatchFile(*path)
		if err != nil {
			return err
		}
		request, err := wanted.metadata()
		if err != nil {
			return err
		}
		metadata, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(request.GetMetadata())
		if err != nil {
			return err
		}
		export := &upload{
			file: file, url: "ws://" + *address + "/v1/ingest", metadata: metadata,
			cutAfter: *cutAfter, gateAt: *gateAt, redial: *redial,
		}
		return export.run(ctx)
	}
}

func (u *upload) run(ctx context.Context) error {
	start := time.Now()
	for {
		done, err := u.connect(ctx)
		if done {
			break
		}
		if err != nil && !u.redial && u.cutAfter == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(redialPause):
		}
	}
	u.seen.RowsSent, u.seen.Seconds = u.file.rows, secondsSince(start)
	return report(map[string]any{
		"exports": []outcome{u.seen}, "seconds": u.seen.Seconds, "connections": u.connects,
	})
}

// connect begins or resumes the export on a connection of its own; true = there is an answer.
func (u *upload) connect(ctx context.Context) (bool, error) {
	dialer := websocket.Dialer{Subprotocols: []string{subprotocol}, WriteBufferSize: connectionSends}
	connection, answer, err := dialer.DialContext(ctx, u.url, http.Header{})
	if err != nil {
		return false, err
	}
	defer connection.Close()
	defer answer.Body.Close()
	u.connects++
	first := map[string]any{"type": "metadata", "metadata": u.metadata}
	if u.seen.TaskID != "" {
		first = map[string]any{"type": "resume", "task_id": u.seen.TaskID}
	}
	if err := connection.WriteJSON(first); err != nil {
		return false, err
	}
	frames, broken := make(chan frame, 1024), make(chan error, 1)
	go func() {
		defer close(frames)
		for {
			var next frame
			if err := connection.ReadJSON(&next); err != nil {
				broken <- err
				return
			}
			frames <- next
		}
	}()
	return u.converse(connection, frames, broken)
}

func (u *upload) converse(
	connection *websocket.Conn, frames <-chan frame, broken <-chan error,
) (bool, error) {
	var sent, credit int64
	next, ended := -1, false
	for {
		for next >= 0 && next < len(u.file.batches) && len(frames) == 0 {
			batch := u.file.batches[next]
			if sent+int64(len(batch)) > credit {
				break
			}
			if u.cutAfter > 0 && next == u.cutAfter {
				u.cutAfter = 0
				return false, connection.NetConn().Close()
			}
			if u.gateAt > 0 && next == u.gateAt {
				u.gateAt = 0
				if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
					return false, err
				}
			}
			if err := connection.WriteMessage(websocket.BinaryMessage, batch); err != nil {
				return false, err
			}
			sent += int64(len(batch))
			next++
		}
		if next == len(u.file.batches) && !ended {
			ended = true
			finish := map[string]any{"type": "finish", "expected_rows": u.file.rows}
			if err := connection.WriteJSON(finish); err != nil {
				return false, err
			}
		}
		got, open := <-frames
		if !open {
			return false, <-broken
		}
		credit = max(credit, got.CreditBytes)
		if got.Type == "task_created" {
			next = int(got.NextSequence) - 1
		}
		if u.take(got) {
			return true, nil
		}
	}
}

// take notes a frame; true = it is the last one.
func (u *upload) take(got frame) bool {
	switch got.Type {
	case "task_created":
		u.seen.TaskID = got.TaskID
	case "ack":
		u.seen.Acks++
		u.seen.AckedSequence, u.seen.AckedRows = got.BatchSequence, got.Rows
	case "result":
		u.seen.State, u.seen.Link, u.seen.SHA256 = got.Status, got.Link, got.SHA256
		u.seen.FileSizeBytes, u.seen.RecordCount = got.FileSizeBytes, got.RecordCount
		u.seen.ErrorCode, u.seen.ErrorContext = got.ErrorCode, got.ErrorContext
		return true
	case "error":
		u.seen.RowferryCode = got.Error.Code
		u.seen.Message = fmt.Sprintf("%s: %s", got.Error.Code, got.Error.Message)
		return !(u.redial && got.Error.Code == "SHUTTING_DOWN")
	}
	return false
}
