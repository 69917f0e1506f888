<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Tests\Fixtures;

use Maatwebsite\Excel\Concerns\FromArray;
use Maatwebsite\Excel\Concerns\WithHeadings;

/**
 * An export whose second row is no text, until it is told otherwise.
 */
final class FailingExport implements FromArray, WithHeadings
{
    public static ?\Throwable $failure = null;

    public static bool $fails = true;

    public function __construct(public int $tries = 1)
    {
    }

    public function array(): array
    {
        return [['fine'], [self::$fails ? "\xff" : 'fine, too']];
    }

    public function headings(): array
    {
        return ['Text'];
    }

    public function failed(\Throwable $error): void
    {
        self::$failure = $error;
    }
}
