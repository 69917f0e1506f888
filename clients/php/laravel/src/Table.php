<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use Generator;
use Rowferry\Column;
use Rowferry\ExportOptions;

/**
 * What an export class comes to.
 */
final class Table
{
    /**
     * @param list<Column> $columns
     * @param Generator<int, list<mixed>> $rows may be read once
     */
    public function __construct(
        public readonly array $columns,
        public readonly Generator $rows,
        public readonly ExportOptions $options,
    ) {
    }
}
