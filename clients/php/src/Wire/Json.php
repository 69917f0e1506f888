<?php

declare(strict_types=1);

namespace Rowferry\Wire;

/**
 * Values as JSON texts, as every setting of a program leaves them.
 */
final class Json
{
    private const FLAGS = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_LINE_TERMINATORS
        | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR;

    /** Throws JsonException for what JSON can't say: text that is not UTF-8, NaN, infinities. */
    public static function encode(mixed $value): string
    {
        // Floats are told exactly by the setting that PHP has by default, and that programs may have changed.
        $precision = ini_get('serialize_precision');
        if ($precision === '-1') {
            return json_encode($value, self::FLAGS);
        }
        ini_set('serialize_precision', '-1');
        try {
            return json_encode($value, self::FLAGS);
        } finally {
            ini_set('serialize_precision', (string) $precision);
        }
    }
}
