<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * A column of the file.
 */
final class Column
{
    /** What rows that are maps call the column. */
    public readonly string $key;

    /**
     * @param string $name text of the header
     * @param string $format display format of spreadsheets (`0.00`, `yyyy-mm-dd`), or `epoch_s`, `epoch_ms`
     * @param int $width characters, 0 = from the first rows
     * @param string|null $key the name by default
     */
    public function __construct(
        public readonly string $name,
        public readonly DataType $type = DataType::String,
        public readonly string $format = '',
        public readonly int $width = 0,
        ?string $key = null,
    ) {
        $this->key = $key ?? $name;
    }

    /**
     * Columns from the short forms: `'name'`, `'name' => DataType::Number`, `new Column(...)`.
     *
     * @param iterable<int|string, Column|DataType|string> $columns
     * @return list<Column>
     */
    public static function listOf(iterable $columns): array
    {
        $list = [];
        foreach ($columns as $name => $column) {
            $list[] = match (true) {
                $column instanceof self => $column,
                $column instanceof DataType => new self((string) $name, $column),
                default => new self($column),
            };
        }
        return $list;
    }
}
