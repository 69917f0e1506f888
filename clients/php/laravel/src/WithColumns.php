<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use Rowferry\Column;
use Rowferry\DataType;

/**
 * An export class that says its columns, instead of headings and types taken from the first rows.
 */
interface WithColumns
{
    /**
     * @return iterable<int|string, Column|DataType|string> the short forms of `Column::listOf()`
     */
    public function columns(): iterable;
}
