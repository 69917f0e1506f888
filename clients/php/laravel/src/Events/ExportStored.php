<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Events;

use Rowferry\ExportResult;

/**
 * A queued export has its file.
 */
final class ExportStored
{
    public function __construct(
        public readonly object $export,
        public readonly string $filePath,
        public readonly ExportResult $result,
    ) {
    }
}
