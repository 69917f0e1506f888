import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Cell, CsvError, CsvParser } from "../../example/src/csv.js";
import { rowsOf } from "../../example/src/row_source.js";

const ENDS = ["\r\n", "\n", "\r"] as const;
const DELIMITERS = [",", ";", "\t", "|"] as const;

/** Text with much of what CSV is about. */
const text = fc.oneof(
  fc.string({
    unit: fc.constantFrom('"', ",", ";", "\t", "\r", "\n", "a", "é", "😀", "\ufeff", " "),
  }),
  fc.string({ unit: "grapheme" }),
);
const cell: fc.Arbitrary<Cell> = fc.oneof(text, fc.constant(null));
// a record of one empty field is a blank line, which is passed over
const record = fc
  .array(cell, { minLength: 1, maxLength: 5 })
  .filter((cells) => cells.length > 1 || cells[0] !== null);
const style = fc.record({
  delimiter: fc.constantFrom(...DELIMITERS),
  ends: fc.array(fc.constantFrom(...ENDS), { minLength: 1, maxLength: 4 }),
  blankLines: fc.boolean(),
  quotesAlways: fc.boolean(),
  endsLast: fc.boolean(),
});
type Style = typeof style extends fc.Arbitrary<infer S> ? S : never;

function formatted(records: Cell[][], how: Style): string {
  const needsQuotes = new RegExp(`^$|^"|[${how.delimiter}\r\n]`);
  const written = (value: Cell) => {
    if (value === null) return "";
    const quoted = how.quotesAlways || needsQuotes.test(value);
    return quoted ? `"${value.replaceAll('"', '""')}"` : value;
  };
  return records
    .map((cells, index) => {
      const line = cells.map(written).join(how.delimiter);
      const end = how.ends[index % how.ends.length] as string;
      if (index === records.length - 1 && !how.endsLast) return line;
      return line + end + (how.blankLines ? end : "");
    })
    .join("");
}

/** Cut a sequence at places that are drawn, empty pieces among them. */
function pieces<T extends string | Uint8Array>(whole: T, cuts: number[]): T[] {
  const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b)];
  return places.map((from, index) => whole.slice(from, places[index + 1]) as T);
}

function parsed(texts: string[], delimiter = ","): Cell[][] {
  const parser = new CsvParser(delimiter);
  return [...texts.flatMap((piece) => [...parser.push(piece)]), ...parser.end()];
}

/** Read bytes as the page reads a file that its disk gives in these pieces. */
async function read(parts: Uint8Array[], encoding = "utf-8", hasHeader = false): Promise<Cell[][]> {
  const stream = new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
  const file = { stream: () => stream } as unknown as Blob;
  const found: Cell[][] = [];
  for await (const rows of rowsOf(file, { encoding, delimiter: ",", hasHeader }, () => {})) {
    found.push(...rows);
  }
  return found;
}

test("what is written as CSV is read again, however the text is cut", () => {
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 6 }),
      style,
      fc.array(fc.nat(), { maxLength: 6 }),
      (records, how, cuts) => {
        const texts = pieces(formatted(records, how), cuts);
        assert.deepEqual(parsed(texts, how.delimiter), records);
      },
    ),
    { numRuns: 3000 },
  );
});

test("any text at all is read the same in one piece as in many, or refused the same", () => {
  const outcome = (texts: string[]): unknown => {
    try {
      return parsed(texts);
    } catch (error) {
      assert.ok(error instanceof CsvError);
      return [error.message, error.row, error.column];
    }
  };
  fc.assert(
    fc.property(text, fc.array(fc.nat(), { maxLength: 6 }), (whole, cuts) => {
      assert.deepEqual(outcome(pieces(whole, cuts)), outcome([whole]));
    }),
    { numRuns: 3000 },
  );
});

test("bytes may be cut within a character, and a byte order mark is no text", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.string({ unit: "grapheme", minLength: 1 }), fc.constant("x")), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.boolean(),
      fc.array(fc.nat(), { maxLength: 6 }),
      async (records, hasMark, cuts) => {
        const csv = records.map(([first]) => `"${first.replaceAll('"', '""')}",x\n`).join("");
        const bytes = new TextEncoder().encode((hasMark ? "\ufeff" : "") + csv);
        assert.deepEqual(await read(pieces(bytes, cuts)), records);
      },
    ),
    { numRuns: 300 },
  );
});

test("a quote that is never closed is refused with its data row and column", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: 5 }),
      fc.boolean(),
      text.map((open) => open.replaceAll('"', "")),
      fc.array(fc.nat(), { maxLength: 4 }),
      async (rowsBefore, hasHeader, open, cuts) => {
        const whole = `${"a,b\r\n".repeat(rowsBefore + (hasHeader ? 1 : 0))}1,"${open}`;
        const bytes = new TextEncoder().encode(whole);
        await assert.rejects(read(pieces(bytes, cuts), "utf-8", hasHeader), (error) => {
          assert.ok(error instanceof CsvError);
          assert.match(error.message, /never closed/);
          assert.deepEqual([error.row, error.column], [rowsBefore + 1, 1]);
          return true;
        });
      },
    ),
    { numRuns: 300 },
  );
});

test("text behind a closing quote is refused; a quote within a plain field is text", () => {
  assert.throws(() => parsed(['a,b\r\n"x" y,2\r\n']), { row: 2, column: 0 });
  assert.deepEqual(parsed(['5" disk,a "b"\r', "next,"]), [
    ['5" disk', 'a "b"'],
    ["next", null],
  ]);
});

test("bytes of another encoding are refused with the row behind the last good piece", async () => {
  const bytes = Uint8Array.from([...new TextEncoder().encode("a,b\nc,d\n"), 0xff, 0xfe]);
  await assert.rejects(read([bytes.slice(0, 8), bytes.slice(8)]), { row: 3, column: 0 });
});
