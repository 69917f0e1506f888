package main

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A rowWriter makes one file of rows in the form that it takes most readily.
type rowWriter[row any] interface {
	decode(message []byte) ([]row, error)
	write(rows []row) error
	// finish completes the file.
	finish() error
}

type report struct {
	Rows                int     `json:"rows"`
	FileBytes           int64   `json:"file_bytes"`
	PeakRSSBytes        int64   `json:"peak_rss_bytes"`
	Seconds             float64 `json:"seconds"`
	CPUSeconds          float64 `json:"cpu_seconds"`
	DecodeSeconds       float64 `json:"decode_seconds"`
	DecodeCPUSeconds    float64 `json:"decode_cpu_seconds"`
	AfterLastRowSeconds float64 `json:"after_last_row_seconds"`
}

func measure[row any, writer rowWriter[row]](
	file *batchFile, create func(path string, columns []column) (writer, error), output string,
) (*report, error) {
	var decode, write, finish stopwatch
	rowCount := 0
	start := now()
	peer, err := create(output, file.columns)
	write.add(start)
	for err == nil && file.next() {
		var rows []row
		start := now()
		rows, err = peer.decode(file.message)
		decode.add(start)
		if err == nil {
			start = now()
			err = peer.write(rows)
			write.add(start)
		}
		rowCount += len(rows)
	}
	if err = errors.Join(err, file.err); err != nil {
		return nil, err
	}
	start = now()
	err = peer.finish()
	finish.add(start)
	if err != nil {
		return nil, err
	}
	return newReport(rowCount, decode, write, finish, output)
}

func newReport(rows int, decode, write, finish stopwatch, output string) (*report, error) {
	info, err := os.Stat(output)
	if err != nil {
		return nil, err
	}
	peak, err := peakRSSBytes()
	return &report{
		Rows:                rows,
		FileBytes:           info.Size(),
		PeakRSSBytes:        peak,
		Seconds:             (decode.wall + write.wall + finish.wall).Seconds(),
		CPUSeconds:          (decode.processor + write.processor + finish.processor).Seconds(),
		DecodeSeconds:       decode.wall.Seconds(),
		DecodeCPUSeconds:    decode.processor.Seconds(),
		AfterLastRowSeconds: finish.wall.Seconds(),
	}, err
}

// A stopwatch sums wall time and the processor time of all threads.
type stopwatch struct{ wall, processor time.Duration }

type instant struct {
	wall      time.Time
	processor time.Duration
}

func now() instant {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails for bad arguments only
	return instant{time.Now(), time.Duration(usage.Utime.Nano() + usage.Stime.Nano())}
}

func (s *stopwatch) add(start instant) {
	end := now()
	s.wall += end.wall.Sub(start.wall)
	s.processor += end.processor - start.processor
}

// peakRSSBytes is VmHWM of proc(5).
func peakRSSBytes() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, " kB")
	kib, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return kib * 1024, err
}
