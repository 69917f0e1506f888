/**
 * `RecordBatch{json_rows, batch_sequence}` of proto/rowferry/v1/export.proto as protobuf bytes.
 *
 * The wire format: https://protobuf.dev/programming-guides/encoding/. Field 3 (length-delimited)
 * is tag 0x1a, its length as a varint, its bytes; field 2 (varint) is tag 0x10 and the number.
 */

const JSON_ROWS_TAG = 0x1a;
const BATCH_SEQUENCE_TAG = 0x10;

/** Encode a batch; `jsonRows` is the UTF-8 text of one JSON array of row arrays. */
export function batchMessage(jsonRows: Uint8Array, sequence: number): Uint8Array<ArrayBuffer> {
  const head = [JSON_ROWS_TAG, ...varint(jsonRows.length)];
  const tail = [BATCH_SEQUENCE_TAG, ...varint(sequence)];
  const message = new Uint8Array(head.length + jsonRows.length + tail.length);
  message.set(head);
  message.set(jsonRows, head.length);
  message.set(tail, head.length + jsonRows.length);
  return message;
}

/** Bytes of a message beside its rows, at most: two tags, a length and a number. */
export const FRAMING_BYTES = 20;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  // not `>>`: it is for 32 bits, and numbers of batches have more
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}
