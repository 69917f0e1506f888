// The rows of bench/dataset.py in a browser: change both. Quantity and Paid are of their types, the rest is text.
import type { Column } from "@rowferry/client";

export const COLUMNS: Column[] = [
  { name: "Order" },
  { name: "Customer 客户" },
  { name: "Address" },
  { name: "Remark" },
  { name: "Quantity", dataType: "NUMBER" },
  { name: "Unit price", dataType: "NUMBER" },
  { name: "Amount", dataType: "NUMBER" },
  { name: "Balance", dataType: "NUMBER" },
  { name: "Ordered on", dataType: "DATE" },
  { name: "Updated at", dataType: "DATE" },
  { name: "Paid", dataType: "BOOLEAN" },
  { name: "Status" },
];

const FAMILY_NAMES = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "佐藤"];
const GIVEN_NAMES = ["伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "花子"];
const CITIES = ["北京市朝阳区", "上海市", "Zürich", "東京都港区", "São Paulo", "Kraków", "Łódź"];
const STREETS = ["建国路", "Long Street", "Rua Augusta", "中山北路", "Bahnhofstrasse"];
const WORDS = ["urgent", "请尽快发货", "handle with care", "gift wrap, please", "再確認", "ok"];
const STATES = ["new", "paid", "shipped", "returned", "closed"];

const padded = (value: number, width: number) => String(value).padStart(width, "0");
const whole = (value: number, by: number) => Math.floor(value / by);
const fixed = (value: number, digits: number) =>
  `${whole(value, 10 ** digits)}.${padded(value % 10 ** digits, digits)}`;

export function row(number: number): (string | number | boolean | null)[] {
  const mixed = Math.imul(number, 2654435761) >>> 0;
  const high = mixed >>> 16;
  const quantity = mixed % 1000;
  const cents = mixed % 99_991;
  const balance = (mixed % 10_000_019) + 1000;
  const day = `${2000 + (high % 30)}-${padded(1 + (high % 12), 2)}-${padded(1 + (high % 28), 2)}`;
  const clock = `${padded(1 + (high % 23), 2)}:${padded(mixed % 60, 2)}:${padded(high % 60, 2)}`;
  return [
    `SO-${padded(number, 10)}`,
    `${FAMILY_NAMES[high % 10]}${GIVEN_NAMES[mixed % 10]} Customer-${mixed % 100_000}`,
    `${CITIES[high % 7]}, ${STREETS[mixed % 5]} ${high % 997} 号, ${(mixed % 90_000) + 10_000}`,
    number % 16 === 0 ? null : `Said "${WORDS[high % 6]}",${number % 50 ? " " : "\n"}ticket ${mixed}`,
    quantity,
    fixed(cents, 2),
    fixed(quantity * cents, 2),
    `${number % 2 ? "-" : ""}${fixed(balance, 3)}`,
    day,
    `${day} ${clock}`,
    mixed % 3 !== 0,
    STATES[high % 5]!,
  ];
}
