package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"rowferry.test/client/rowferryv1"
)

// request is what a caller of the command can choose of an export's metadata.
type request struct {
	format      string
	filename    string
	requestID   string
	ackEvery    int
	waitSeconds int
}

func requestFlags(flags *flag.FlagSet) *request {
	var r request
	flags.StringVar(&r.format, "format", "EXCEL", "EXCEL or CSV")
	flags.StringVar(&r.filename, "filename", "orders 订单", "file name for humans")
	flags.StringVar(&r.requestID, "request-id", "", "idempotency key; empty = random")
	flags.IntVar(&r.ackEvery, "ack-every", 0, "one ack per so many batches")
	flags.IntVar(&r.waitSeconds, "wait-seconds", 0, "0 = until a final state, -1 = not at all")
	return &r
}

func (r *request) metadata() (*rowferryv1.ExportRequest, error) {
	format, known := rowferryv1.Format_value[r.format]
	if !known {
		return nil, fmt.Errorf("unknown format %q", r.format)
	}
	requestID := r.requestID
	if requestID == "" {
		random := make([]byte, 16)
		if _, err := rand.Read(random); err != nil {
			return nil, err
		}
		requestID = hex.EncodeToString(random)
	}
	metadata := &rowferryv1.ExportMetadata{
		RequestId:   requestID,
		Format:      rowferryv1.Format(format),
		Filename:    r.filename,
		Columns:     columns(),
		AckEvery:    int32(r.ackEvery),
		WaitSeconds: int32(r.waitSeconds),
	}
	payload := &rowferryv1.ExportRequest_Metadata{Metadata: metadata}
	return &rowferryv1.ExportRequest{Payload: payload}, nil
}

// outcome is what became of one export, as its client saw it.
type outcome struct {
	TaskID        string            `json:"task_id"`
	State         string            `json:"state"` // of the result; empty without one
	Link          string            `json:"link"`
	FileSizeBytes int64             `json:"file_size_bytes"`
	RecordCount   int64             `json:"record_count"`
	SHA256        string            `json:"sha256"`
	ErrorCode     string            `json:"error_code"`
	ErrorContext  map[string]string `json:"error_context,omitempty"`

	Acks          int   `json:"acks"`
	AckedSequence int64 `json:"acked_sequence"`
	AckedRows     int64 `json:"acked_rows"`

	// how long each batch waited for its ack
	AckSeconds []float64 `json:"ack_seconds,omitempty"`

	GRPCStatus   string `json:"grpc_status"`
	RowferryCode string `json:"rowferry_code"` // trailer of a refused call
	Message      string `json:"message"`

	RowsSent    int64   `json:"rows_sent"`
	SendSeconds float64 `json:"send_seconds"` // until the rows' end was sent
	SentAt      float64 `json:"sent_at"`      // by the machine's clock, seconds since 1970; of push only
	Seconds     float64 `json:"seconds"`      // until the call's end
}

// receive reads a call's responses to its end. each, unless nil, is told of every response.
func receive(stream grpc.ClientStream, each func(*outcome)) outcome {
	var seen outcome
	for {
		response := new(rowferryv1.ExportResponse)
		if err := stream.RecvMsg(response); err != nil {
			seen.end(stream, err)
			return seen
		}
		seen.take(response)
		if each != nil {
			each(&seen)
		}
	}
}

func (o *outcome) take(response *rowferryv1.ExportResponse) {
	switch payload := response.GetPayload().(type) {
	case *rowferryv1.ExportResponse_TaskCreated:
		o.TaskID = payload.TaskCreated.GetTaskId()
	case *rowferryv1.ExportResponse_Ack:
		o.Acks++
		o.AckedSequence = payload.Ack.GetBatchSequence()
		o.AckedRows = payload.Ack.GetRows()
	case *rowferryv1.ExportResponse_Result:
		result := payload.Result
		o.TaskID = result.GetTaskId()
		o.State = result.GetStatus().String()
		o.Link = result.GetOssUrl()
		o.FileSizeBytes = result.GetFileSizeBytes()
		o.RecordCount = result.GetRecordCount()
		o.SHA256 = result.GetChecksumSha256()
		o.ErrorCode = result.GetErrorCode()
		o.ErrorContext = result.GetErrorContext()
		o.Message = result.GetErrorMessage()
	}
}

func (o *outcome) end(stream grpc.ClientStream, err error) {
	if errors.Is(err, io.EOF) {
		o.GRPCStatus = "OK"
		return
	}
	answer := status.Convert(err)
	o.GRPCStatus = answer.Code().String()
	o.Message = answer.Message()
	if codes := stream.Trailer().Get("rowferry-code"); len(codes) == 1 {
		o.RowferryCode = codes[0]
	}
}

// sendAll sends requests until next gives nil, then half-closes; it gives up quietly when the
// call has ended, since its status comes with the responses.
func sendAll(stream grpc.ClientStream, next func() (any, error)) error {
	for {
		message, err := next()
		if err != nil {
			return err
		}
		if message == nil {
			return stream.CloseSend()
		}
		if err := stream.SendMsg(message); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

func secondsSince(start time.Time) float64 {
	return time.Since(start).Seconds()
}
