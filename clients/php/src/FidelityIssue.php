<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * Cells that are not in the file as they came: docs/fidelity.md, "The report".
 */
final class FidelityIssue
{
    /**
     * @param string $kind escaped, truncated, kept_as_text, nulled, unmappable or neutralised
     * @param int $firstRow data row, from 1; 0 is the header
     * @param int $firstColumn from 0
     */
    public function __construct(
        public readonly string $kind,
        public readonly int $cells,
        public readonly int $firstRow,
        public readonly int $firstColumn,
    ) {
    }
}
