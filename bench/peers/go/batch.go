package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
)

// A column is a name and a DataType.
type column struct{ name, dataType string }

// batchFile is a file of encoded RecordBatch messages with records: see bench/frames.py.
type batchFile struct {
	columns  []column
	file     *bufio.Reader
	rowsLeft int
	message  []byte
	err      error
}

func openBatches(path string, rows int) (*batchFile, error) {
	lines, err := os.ReadFile(path + ".columns")
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	batches := &batchFile{file: bufio.NewReaderSize(file, 1<<20), rowsLeft: rows}
	for line := range strings.Lines(string(lines)) {
		name, dataType, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		batches.columns = append(batches.columns, column{name, dataType})
	}
	return batches, nil
}

// next reads a frame: length and row count, big-endian, then the message.
func (b *batchFile) next() bool {
	if b.rowsLeft <= 0 {
		return false
	}
	var head [8]byte
	if _, b.err = io.ReadFull(b.file, head[:]); b.err != nil {
		return false
	}
	b.rowsLeft -= int(binary.BigEndian.Uint32(head[4:]))
	b.message = make([]byte, binary.BigEndian.Uint32(head[:4]))
	_, b.err = io.ReadFull(b.file, b.message)
	return b.err == nil
}

var errField = errors.New("a field is cut or of a type that batches have not")

// A record's cells, and which of them are null.
type record struct {
	cells [][]byte
	nulls []byte
}

func (r *record) isNull(column int) bool {
	return column/8 < len(r.nulls) && r.nulls[column/8]>>(column%8)&1 == 1
}

// eachRecord walks a message by hand, which no protobuf library keeps up with. What it gives is
// valid until the next record.
func eachRecord(message []byte, visit func(*record) error) error {
	var row record
	for len(message) > 0 {
		number, value, rest, err := nextField(message)
		if err != nil {
			return err
		}
		message = rest
		if number != 1 {
			continue
		}
		if err := row.read(value); err != nil {
			return err
		}
		if err := visit(&row); err != nil {
			return err
		}
	}
	return nil
}

func (r *record) read(fields []byte) error {
	r.cells, r.nulls = r.cells[:0], nil
	for len(fields) > 0 {
		number, value, rest, err := nextField(fields)
		if err != nil {
			return err
		}
		fields = rest
		switch number {
		case 1:
			r.cells = append(r.cells, value)
		case 2:
			r.nulls = value
		}
	}
	return nil
}

// nextField gives a field's number, its bytes if it is length-delimited, and what follows it.
func nextField(fields []byte) (number uint64, value, rest []byte, err error) {
	tag, tagSize := binary.Uvarint(fields)
	if tagSize <= 0 {
		return 0, nil, nil, errField
	}
	length, lengthSize := binary.Uvarint(fields[tagSize:])
	if lengthSize <= 0 {
		return 0, nil, nil, errField
	}
	rest = fields[tagSize+lengthSize:]
	switch {
	case tag&7 == 0:
		return tag >> 3, nil, rest, nil
	case tag&7 == 2 && length <= uint64(len(rest)):
		return tag >> 3, rest[:length], rest[length:], nil
	}
	return 0, nil, nil, errField
}
