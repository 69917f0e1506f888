<?php

declare(strict_types=1);

namespace Rowferry\Wire;

use Rowferry\DataType;
use Rowferry\Format;
use Rowferry\Stage;
use Rowferry\TaskState;

/**
 * The contract's numbers of enums: cases stand in its order, formats begin at 1.
 */
final class EnumNumbers
{
    public static function of(Format|DataType|TaskState $word): int
    {
        return array_search($word, $word::cases(), true) + ($word instanceof Format ? 1 : 0);
    }

    /** Null for FORMAT_UNSPECIFIED, and for a format of a newer service. */
    public static function format(int $number): ?Format
    {
        return Format::cases()[$number - 1] ?? null;
    }

    public static function state(int $number): TaskState
    {
        return TaskState::cases()[$number] ?? TaskState::Unspecified;
    }

    public static function stage(int $number): Stage
    {
        return Stage::cases()[$number] ?? Stage::Unspecified;
    }
}
