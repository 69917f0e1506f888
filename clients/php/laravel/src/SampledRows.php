<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use DateTimeInterface;
use Generator;
use Rowferry\DataType;

/**
 * Rows, and what their first ones say of the columns. Only those are held in memory.
 */
final class SampledRows
{
    /** As many as the service takes the widths of columns from. */
    private const SAMPLE_ROWS = 200;

    /** A text of a decimal number, as databases give them; digits alone may be a postcode. */
    private const DECIMAL = '/^-?(?:0|[1-9]\d{0,14})\.\d+$/D';

    /** @var list<array<int|string, mixed>> */
    private array $sample = [];

    /** @param Generator<mixed, array<int|string, mixed>> $rows */
    public function __construct(private readonly Generator $rows)
    {
        while ($rows->valid() && count($this->sample) < self::SAMPLE_ROWS) {
            $this->sample[] = $rows->current();
            $rows->next();
        }
    }

    /** @return list<int|string> keys of the first row, none without a row */
    public function keys(): array
    {
        return array_keys($this->sample[0] ?? []);
    }

    /**
     * The type that all values of a column share; text where they differ, and where there are none.
     *
     * @return list<DataType>
     */
    public function types(int $columns): array
    {
        $types = array_fill(0, $columns, null);
        foreach ($this->sample as $row) {
            foreach (array_slice(array_values($row), 0, $columns) as $index => $value) {
                if ($value !== null) {
                    $type = self::typeOf($value);
                    $types[$index] = in_array($types[$index], [null, $type], true) ? $type : DataType::String;
                }
            }
        }
        return array_map(static fn (?DataType $type) => $type ?? DataType::String, $types);
    }

    /**
     * All rows as lists; shorter ones are filled up with nulls.
     *
     * @return Generator<int, list<mixed>>
     */
    public function lists(int $columns): Generator
    {
        foreach ($this->sample as $row) {
            yield array_pad(array_values($row), $columns, null);
        }
        $this->sample = [];
        for (; $this->rows->valid(); $this->rows->next()) {
            yield array_pad(array_values($this->rows->current()), $columns, null);
        }
    }

    private static function typeOf(mixed $value): DataType
    {
        return match (true) {
            is_int($value), is_float($value) => DataType::Number,
            is_bool($value) => DataType::Boolean,
            $value instanceof DateTimeInterface => DataType::Date,
            is_string($value) && preg_match(self::DECIMAL, $value) === 1 => DataType::Number,
            default => DataType::String,
        };
    }
}
