<?php

declare(strict_types=1);

namespace Rowferry\Rows;

use Rowferry\Column;

/**
 * Rows that are maps, or have objects as cells, become lists of scalars in the order of columns.
 */
final class RowShape
{
    /** @var list<string> */
    private readonly array $keys;
    /** @var array<string, int> */
    private readonly array $positions;
    /** @var list<null> */
    private readonly array $nulls;

    /** @param list<Column> $columns */
    public function __construct(array $columns, private readonly bool $zoned)
    {
        $this->keys = array_map(static fn (Column $column): string => $column->key, $columns);
        $this->positions = array_flip($this->keys);
        $this->nulls = array_fill(0, \count($columns), null);
    }

    /**
     * The cells of a row that is no array: database layers give stdClass.
     *
     * @return array<mixed>
     */
    public function cellsOf(mixed $row, int $number): array
    {
        if ($row instanceof \stdClass) {
            return (array) $row;
        }
        throw BadCell::refusal("row $number is neither a list nor a map", [
            'row' => (string) $number,
            'expected' => 'a list or a map',
            'got' => get_debug_type($row),
        ]);
    }

    /**
     * @param array<mixed> $row
     * @return list<bool|float|int|string|null>
     */
    public function list(array $row, int $number): array
    {
        $row = \array_is_list($row) ? $row : $this->ordered($row, $number);
        if (\count($row) !== \count($this->keys)) {
            throw BadCell::refusal("row $number has another number of values than there are columns", [
                'row' => (string) $number,
                'expected' => \count($this->keys) . ' values',
                'got' => (string) \count($row),
            ]);
        }
        foreach ($row as $column => $cell) {
            if (\is_object($cell) || \is_array($cell)) {
                $row[$column] = $this->scalar($cell, $number, $column);
            }
        }
        return $row;
    }

    /**
     * @param array<mixed> $row
     * @return list<mixed>
     */
    private function ordered(array $row, int $number): array
    {
        if (array_keys($row) === $this->keys) {
            return array_values($row);
        }
        $cells = $this->nulls;
        foreach ($row as $key => $cell) {
            if (!isset($this->positions[$key])) {
                throw BadCell::refusal("row $number has a key that no column has", [
                    'row' => (string) $number,
                    'key' => BadCell::shortened((string) $key),
                    'expected' => BadCell::shortened(implode(', ', $this->keys)),
                ]);
            }
            $cells[$this->positions[$key]] = $cell;
        }
        return $cells;
    }

    /** @param object|array<mixed> $cell */
    private function scalar(object|array $cell, int $row, int $column): string|int
    {
        return match (true) {
            $cell instanceof \DateTimeInterface => $this->moment($cell),
            $cell instanceof \BackedEnum => $cell->value,
            $cell instanceof \UnitEnum => $cell->name,
            $cell instanceof \Stringable => (string) $cell,
            $cell instanceof \GMP => gmp_strval($cell),
            default => throw BadCell::at($row, $column, 'a scalar, null, a moment, an enum or a Stringable', $cell),
        };
    }

    /** ISO 8601; without the option `timezone` the moment's own clock, else the instant. */
    private function moment(\DateTimeInterface $moment): string
    {
        if ($this->zoned && $moment->getOffset() % 60 !== 0) {
            // Local mean times before zones were made (Shanghai until 1901): ISO 8601 has no seconds of an offset.
            $moment = \DateTimeImmutable::createFromInterface($moment)->setTimezone(new \DateTimeZone('UTC'));
        }
        $text = $moment->format('Y-m-d\TH:i:s');
        $micros = $moment->format('u');
        if ($micros !== '000000') {
            $text .= '.' . rtrim($micros, '0');
        }
        return $this->zoned ? $text . $moment->format('P') : $text;
    }
}
