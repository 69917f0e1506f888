<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * Everything about an export that has a default; docs/fidelity.md says what each option of a format does.
 *
 * An empty text or 0 is the service's default.
 */
final class ExportOptions
{
    /**
     * @param int $expectedRows for progress in per cent; a hint that is not checked
     * @param int $priority 1 to 1000, smaller runs earlier
     * @param array<string, string> $tags become tags of the object in the storage, 5 at most
     * @param string $owner the end user behind the client, for lists
     * @param string $callback name of a webhook of the service's configuration, never a URL
     */
    public function __construct(
        public readonly string $csvDelimiter = '',
        public readonly string $csvEncoding = '',
        public readonly string $excelSheetName = '',
        public readonly int $excelStartRow = 0,
        public readonly bool $compressionEnabled = false,
        public readonly string $preset = '',
        public readonly string $csvNull = '',
        public readonly string $injectionGuard = '',
        public readonly string $onBadValue = '',
        public readonly string $onUnmappable = '',
        public readonly string $onControlCharacter = '',
        public readonly string $rowOverflow = '',
        public readonly string $timezone = '',
        public readonly int $expectedRows = 0,
        public readonly int $priority = 0,
        public readonly array $tags = [],
        public readonly string $owner = '',
        public readonly int $retentionSeconds = 0,
        public readonly string $callback = '',
    ) {
    }
}
