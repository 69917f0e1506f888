<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use Rowferry\ExportOptions;

/**
 * An export class that says its options, instead of the ones taken from its title and CSV settings.
 */
interface WithExportOptions
{
    public function exportOptions(): ExportOptions;
}
