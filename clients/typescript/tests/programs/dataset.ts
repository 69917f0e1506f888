/** The rows of bench/dataset.py, cell for cell; change both. */

import type { Column, DataType, Row } from "../../src/index.js";

const NAMES: readonly (readonly [string, DataType])[] = [
  ["Order", "STRING"],
  ["Customer 客户", "STRING"],
  ["Address", "STRING"],
  ["Remark", "STRING"],
  ["Quantity", "NUMBER"],
  ["Unit price", "NUMBER"],
  ["Amount", "NUMBER"],
  ["Balance", "NUMBER"],
  ["Ordered on", "DATE"],
  ["Updated at", "DATE"],
  ["Paid", "BOOLEAN"],
  ["Status", "STRING"],
];
export const COLUMNS: Column[] = NAMES.map(([name, dataType]) => ({ name, dataType }));

const FAMILY_NAMES = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "佐藤"];
const GIVEN_NAMES = ["伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "花子"];
const CITIES = ["北京市朝阳区", "上海市", "Zürich", "東京都港区", "São Paulo", "Kraków", "Łódź"];
const STREETS = ["建国路", "Long Street", "Rua Augusta", "中山北路", "Bahnhofstrasse"];
const WORDS = ["urgent", "请尽快发货", "handle with care", "gift wrap, please", "再確認", "ok"];
const STATES = ["new", "paid", "shipped", "returned", "closed"];

/** Give row `number`, counted from 1. */
export function rowOf(number: number): Row {
  const mixed = Math.imul(number, 2654435761) >>> 0; // Knuth's multiplicative hash
  const high = mixed >>> 16;
  const quantity = mixed % 1000;
  const cents = mixed % 99_991;
  const thousandths = mixed % 10_000_019;
  const day = `${2000 + (high % 30)}-${padded(1 + (high % 12), 2)}-${padded(1 + (high % 28), 2)}`;
  const clock = `${padded(1 + (high % 23), 2)}:${padded(mixed % 60, 2)}:${padded(high % 60, 2)}`;
  const break_or_blank = number % 50 ? " " : "\n";
  return [
    `SO-${padded(number, 10)}`,
    `${FAMILY_NAMES[high % 10]}${GIVEN_NAMES[mixed % 10]} Customer-${mixed % 100_000}`,
    `${CITIES[high % 7]}, ${STREETS[mixed % 5]} ${high % 997} 号, ${(mixed % 90_000) + 10_000}`,
    number % 16 ? `Said "${WORDS[high % 6]}",${break_or_blank}ticket ${mixed}` : null,
    quantity,
    decimal(cents, 2),
    decimal(quantity * cents, 2),
    `${number % 2 ? "-" : ""}${decimal(thousandths + 1000, 3)}`,
    day,
    `${day} ${clock}`,
    mixed % 3 !== 0,
    STATES[high % 5],
  ];
}

function padded(number: number, digits: number): string {
  return `${number}`.padStart(digits, "0");
}

/** Write whole hundredths or thousandths with their point. */
function decimal(units: number, digits: number): string {
  const divisor = 10 ** digits;
  return `${Math.floor(units / divisor)}.${padded(units % divisor, digits)}`;
}
