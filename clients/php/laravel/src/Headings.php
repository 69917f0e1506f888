<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use InvalidArgumentException;
use Rowferry\Column;
use Rowferry\DataType;

/**
 * The columns of an export class: names, widths and formats as it gives them, types as its first rows have them.
 */
final class Headings
{
    public function __construct(private readonly object $export, private readonly ExportClass $class)
    {
    }

    /** @return list<Column> */
    public function columns(SampledRows $rows): array
    {
        $names = $this->names($rows->keys());
        $formats = $this->class->has('WithColumnFormatting') ? self::byIndex($this->export->columnFormats()) : [];
        $widths = $this->class->has('WithColumnWidths') ? self::byIndex($this->export->columnWidths()) : [];
        $types = $rows->types(count($names));
        $columns = [];
        foreach ($names as $index => $name) {
            $format = (string) ($formats[$index] ?? '');
            $columns[] = self::column($name, $types[$index], $format, (int) ($widths[$index] ?? 0));
        }
        return $columns;
    }

    private static function column(string $name, DataType $type, string $format, int $width): Column
    {
        return match ($format) {
            '', 'General' => new Column($name, $type, width: $width),
            '@' => new Column($name, DataType::String, width: $width),
            // Who asks for digits has numbers, even where the database gives them as texts.
            default => new Column($name, $type === DataType::Date ? $type : DataType::Number, $format, $width),
        };
    }

    /**
     * @param list<int|string> $keys
     * @return list<string>
     */
    private function names(array $keys): array
    {
        if ($this->class->has('WithHeadings')) {
            return $this->oneRow($this->export->headings());
        }
        if ($keys === [] || array_is_list($keys) && is_int($keys[0])) {
            throw new InvalidArgumentException(
                $this->export::class . ' needs WithHeadings: a table has a header, and rows do not name their cells',
            );
        }
        return array_map('strval', $keys);
    }

    /**
     * @param array<mixed> $headings
     * @return list<string>
     */
    private function oneRow(array $headings): array
    {
        $rows = array_filter($headings, 'is_array');
        if ($rows !== []) {
            if (count($headings) > 1) {
                throw new InvalidArgumentException($this->export::class . ' has several rows of headings, not one');
            }
            $headings = reset($rows);
        }
        return array_map('strval', array_values($headings));
    }

    /**
     * @param array<string, mixed> $byLetters `['A' => ..., 'B' => ...]`
     * @return array<int, mixed>
     */
    private static function byIndex(array $byLetters): array
    {
        $byIndex = [];
        foreach ($byLetters as $letters => $value) {
            if (preg_match('/^[A-Z]{1,3}$/D', (string) $letters) !== 1) {
                throw new InvalidArgumentException("\"$letters\" is no column, A to XFD: ranges are not taken");
            }
            $number = 0;
            foreach (str_split((string) $letters) as $letter) {
                $number = $number * 26 + ord($letter) - 64;
            }
            $byIndex[$number - 1] = $value;
        }
        return $byIndex;
    }
}
