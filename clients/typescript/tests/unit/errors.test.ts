import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { errorOf, errorOfDocument, isPassing, RowferryError } from "../../src/errors.js";
import * as library from "../../src/index.js";

const PAGE = readFileSync("../../docs/errors.md", "utf8");
const ROWS = [...PAGE.matchAll(/^\| `([A-Z_]+)` \| [A-Z_]+ \| \d+ \| \d+ \| (\w+) \|/gm)];
const OF_NO_FAMILY = "INTERNAL";

test("each code of docs/errors.md has its class", () => {
  assert.ok(ROWS.length > 20);
  for (const [, code = ""] of ROWS) {
    const error = errorOf(code, "text");
    assert.equal(error.code, code);
    assert.equal(error.constructor === RowferryError, code === OF_NO_FAMILY, code);
  }
});

test("a connection is made again after the codes that docs/errors.md says pass, not after a defect", () => {
  for (const [, code = "", again] of ROWS) {
    const error = errorOf(code, "text");
    // of a task that has ended no connection ends
    const isOutcome = error instanceof library.ExportFailedError;
    const passes = again !== "no" && code !== OF_NO_FAMILY && !isOutcome;
    assert.equal(isPassing(error), passes, code);
  }
});

test("classes are exported, and those of the families", () => {
  assert.ok(errorOf("INVALID_ROW", "") instanceof library.InvalidRowError);
  assert.ok(errorOf("INVALID_METADATA", "") instanceof library.InvalidRequestError);
  assert.ok(errorOf("SEQUENCE_GAP", "") instanceof library.ConflictError);
  assert.ok(errorOf("NOT_FOUND", "") instanceof library.NotFoundError);
  assert.ok(errorOf("UNAUTHENTICATED", "") instanceof library.UnauthenticatedError);
  assert.ok(errorOf("FORBIDDEN", "") instanceof library.ForbiddenError);
  assert.ok(errorOf("DISK_FULL", "") instanceof library.LimitedError);
  assert.ok(errorOf("SHUTTING_DOWN", "") instanceof library.UnavailableError);
  assert.ok(errorOf("CANCELLED", "") instanceof library.ExportFailedError);
  assert.ok(errorOf("UNREACHABLE", "") instanceof library.UnreachableError);
});

test("a code of a newer service is the base class, whatever it is called", () => {
  for (const code of ["SUN_STORM", "constructor", "__proto__", "", "INVALID", "ROW"]) {
    const error = errorOfDocument({ code, message: "m", context: { row: 3, deep: null } });
    assert.equal(error.constructor, RowferryError);
    assert.equal(error.code, code);
    assert.deepEqual(error.context, { row: "3", deep: "null" });
  }
});

test("an error document that is none is told as such", () => {
  for (const document of [undefined, null, 5, "text", {}, { code: 7 }, []]) {
    const error = errorOfDocument(document);
    assert.equal(error.code, "UNREACHABLE");
    assert.ok(!isPassing(error));
  }
});
