import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidRowError, LimitedError } from "../../src/errors.js";
import { RowPacker } from "../../src/row-packer.js";
import type { Row } from "../../src/types.js";

const OPTIONS = { targetBytes: 2 ** 18, maxBytes: 2 ** 20, hasTimezone: false };
const decoder = new TextDecoder("utf-8", { fatal: true });

function packer(width: number, options: Partial<typeof OPTIONS> = {}): RowPacker {
  const columns = Array.from({ length: width }, (_, index) => ({ name: `c${index}` }));
  return new RowPacker(columns, { ...OPTIONS, ...options });
}

function textOf(rows: Row[], width: number, options: Partial<typeof OPTIONS> = {}): string {
  const packing = packer(width, options);
  for (const [index, row] of rows.entries()) packing.add(row, index + 1);
  return packing
    .take()
    .map(({ json }) => decoder.decode(json))
    .join("|");
}

test("values are told as JSON has them", () => {
  const row = [null, 'a"/\u2028\n😀', 1, -2.5, 1e21, true, false];
  assert.equal(textOf([row], 7), '[[null,"a\\"/\u2028\\n😀",1,-2.5,1e+21,true,false]]');
});

test("undefined is null, and a bigint keeps all its digits", () => {
  const row = [undefined, 5n, 12345678901234567890n];
  assert.equal(textOf([row], 3), '[[null,"5","12345678901234567890"]]');
});

test("a Date is the clock in UTC, and an instant where the export has a time zone", () => {
  const row = [new Date("2026-03-01T12:34:56Z"), new Date("2026-03-01T12:34:56.125Z")];
  assert.equal(textOf([row], 2), '[["2026-03-01T12:34:56","2026-03-01T12:34:56.125"]]');
  assert.equal(
    textOf([row], 2, { hasTimezone: true }),
    '[["2026-03-01T12:34:56Z","2026-03-01T12:34:56.125Z"]]',
  );
});

test("an object is what it says of itself", () => {
  const row = [new URL("http://a.example/"), { toJSON: () => 1.5 }, { toJSON: () => false }];
  assert.equal(textOf([row], 3), '[["http://a.example/",1.5,false]]');
});

test("rows by key are put in order; a missing key is null", () => {
  const columns = [{ name: "A", key: "a" }, { name: "B" }, { name: "C", key: "" }];
  const packing = new RowPacker(columns, OPTIONS);
  packing.add({ C: 3, a: 1 }, 1);
  packing.add([4, 5, 6], 2);
  packing.add(Object.assign(Object.create(null), { B: 2 }), 3);
  assert.equal(decoder.decode(packing.take()[0]?.json), "[[1,null,3],[4,5,6],[null,2,null]]");
});

test("keys of Object's own are keys like others", () => {
  const packing = new RowPacker([{ name: "constructor" }, { name: "toString" }], OPTIONS);
  packing.add({}, 1);
  packing.add({ constructor: "x" }, 2);
  assert.equal(decoder.decode(packing.take()[0]?.json), '[[null,null],["x",null]]');
});

test("an array that is used again for the next row is no trouble", () => {
  const packing = packer(1);
  const row = ["first"];
  packing.add(row, 1);
  row[0] = "second";
  packing.add(row, 2);
  assert.equal(decoder.decode(packing.take()[0]?.json), '[["first"],["second"]]');
});

for (const [got, cell] of [
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["Date", new Date("nonsense")],
  ["Array", ["a"]],
  ["Object", { x: 1 }],
  ["Object", { toJSON: () => ({}) }],
  ["Object", { toJSON: () => Number.NaN }],
  ["Object", { toJSON: () => "\ud800" }],
  ["Uint8Array", new Uint8Array(2)],
  ["Function", () => 1],
  ["Symbol", Symbol("s")],
  ["object", Object.create(null)],
  ["String", "half a pair: \ud83d"],
  ["String", "\ude00\ud83d"],
] as const) {
  test(`a cell that is ${String(got)} is refused with its place (${typeof cell})`, () => {
    const packing = packer(3);
    packing.add([1, 2, 3], 41);
    assert.throws(
      () => packing.add(["a", "b", cell as unknown as string], 42),
      (error) => {
        assert.ok(error instanceof InvalidRowError);
        assert.equal(error.code, "INVALID_ROW");
        const { expected, ...context } = error.context;
        assert.deepEqual(context, { row: "42", column: "2", got });
        assert.ok(expected);
        return true;
      },
    );
  });
}

test("a row of another width is refused", () => {
  for (const [row, got] of [
    [["a"], "1"],
    [["a", "b", "c"], "3"],
  ] as const) {
    assert.throws(() => packer(2).add(row, 7), {
      code: "INVALID_ROW",
      context: { row: "7", expected: "2 values", got },
    });
  }
});

test("an unknown key is refused, and told clipped", () => {
  assert.throws(() => packer(1).add({ c0: 1, [`x${"y".repeat(100)}`]: 2 }, 3), {
    code: "INVALID_ROW",
    context: { row: "3", key: `x${"y".repeat(39)}` },
  });
});

test("what is no row at all is refused", () => {
  for (const row of [null, undefined, "text", 5, new Map([["a", 1]]), new Set([1, 2, 3, 4])]) {
    assert.throws(() => packer(4).add(row as unknown as Row, 1), { code: "INVALID_ROW" });
  }
});

test("a batch is full at about its target, whatever script its texts have", () => {
  for (const text of ["plain text", "客户客户客户", "😀😀😀", 'quote"quote\n']) {
    const packing = packer(2, { targetBytes: 20_000, maxBytes: 100_000 });
    const sizes: number[] = [];
    for (let number = 1; number <= 20_000; number++) {
      packing.add([text, number], number);
      if (packing.isFull) sizes.push(...packing.take().map(({ json }) => json.length));
    }
    for (const size of sizes.slice(1)) assert.ok(size > 15_000 && size < 25_000, `${size}`);
  }
});

test("what outgrows a message is split, in order, with nothing lost", () => {
  const packing = packer(1, { targetBytes: 1e6, maxBytes: 100 });
  for (let number = 1; number <= 50; number++) packing.add([`row ${number}`], number);
  const packed = packing.take();
  assert.ok(packed.every(({ json }) => json.length <= 100));
  const rows = packed.flatMap(({ json }) => JSON.parse(decoder.decode(json)));
  assert.deepEqual(
    rows,
    Array.from({ length: 50 }, (_, index) => [`row ${index + 1}`]),
  );
  assert.equal(
    packed.reduce((sum, { rows: count }) => sum + count, 0),
    50,
  );
});

test("a row that is larger than a message is refused with its place", () => {
  const packing = packer(1, { maxBytes: 1000 });
  for (let number = 5; number <= 9; number++) {
    packing.add([number === 8 ? "客".repeat(400) : "x"], number);
  }
  assert.throws(
    () => packing.take(),
    (error) => {
      assert.ok(error instanceof LimitedError);
      assert.deepEqual(error.context, { row: "8", max_message_bytes: "1000" });
      return true;
    },
  );
});

test("random rows come back from a JSON parser as they were", () => {
  for (let round = 0; round < 200; round++) {
    const rows = Array.from({ length: 20 }, () => [randomText(), randomNumber(), randomText()]);
    assert.deepEqual(JSON.parse(textOf(rows, 3)), rows);
  }
});

function randomText(): string {
  const length = Math.floor(Math.random() * 8);
  const points = Array.from({ length }, () => {
    const point = Math.floor(Math.random() * (Math.random() < 0.5 ? 0x100 : 0x110000));
    return point >= 0xd800 && point < 0xe000 ? 0x20 : point;
  });
  return String.fromCodePoint(...points);
}

function randomNumber(): number {
  const bits = new Float64Array(crypto.getRandomValues(new Uint32Array(2)).buffer)[0] as number;
  return Number.isFinite(bits) && bits !== 0 ? bits : 1;
}
