<?php

declare(strict_types=1);

namespace Rowferry\Rows;

/**
 * Rows as they travel.
 */
final class Batch
{
    /**
     * @param int $sequence 1, 2, 3, ...
     * @param int $rows how many they are
     * @param string $json one JSON array of row arrays, UTF-8
     */
    public function __construct(
        public readonly int $sequence,
        public readonly int $rows,
        public readonly string $json,
    ) {
    }
}
