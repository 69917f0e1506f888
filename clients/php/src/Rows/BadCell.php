<?php

declare(strict_types=1);

namespace Rowferry\Rows;

use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;

/**
 * What can't be sent, and where it stands.
 */
final class BadCell
{
    private const SHOWN_CHARACTERS = 40;

    /**
     * The first cell among rows of scalars that JSON can't say.
     *
     * @param list<list<mixed>> $rows
     */
    public static function among(array $rows, int $rowsBefore): ?RowferryException
    {
        foreach ($rows as $index => $row) {
            foreach ($row as $column => $cell) {
                $expected = match (true) {
                    \is_float($cell) && !is_finite($cell) => 'a finite number',
                    \is_string($cell) && preg_match('//u', $cell) !== 1 => 'UTF-8',
                    !\is_scalar($cell) && $cell !== null => 'a scalar or null',
                    default => null,
                };
                if ($expected !== null) {
                    return self::at($rowsBefore + $index + 1, $column, $expected, $cell);
                }
            }
        }
        return null;
    }

    public static function at(int $row, int $column, string $expected, mixed $cell): RowferryException
    {
        $got = match (true) {
            \is_float($cell) => var_export($cell, true),
            \is_string($cell) => 'bytes that are not',
            default => get_debug_type($cell),
        };
        return self::refusal("row $row, column $column can't be sent: expected $expected, got $got", [
            'row' => (string) $row,
            'column' => (string) $column,
            'expected' => $expected,
            'got' => $got,
        ]);
    }

    /** @param array<string, string> $context */
    public static function refusal(string $message, array $context): RowferryException
    {
        return Errors::of('INVALID_ROW', $message, $context);
    }

    /** Context never holds a whole cell. */
    public static function shortened(string $text): string
    {
        return preg_match('/^.{0,' . self::SHOWN_CHARACTERS . '}/us', $text, $start) === 1
            ? $start[0]
            : substr(bin2hex($text), 0, self::SHOWN_CHARACTERS);
    }
}
