<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * What is told of an export before its rows: the contract's ExportMetadata.
 */
final class ExportMetadata
{
    /**
     * @param string $requestId the idempotency key: the same request again finds the same task
     * @param list<Column> $columns
     * @param int $waitSeconds 0 = the result is that of a final state, -1 = it comes at once behind the rows,
     *     else with the state reached by then
     */
    public function __construct(
        public readonly string $requestId,
        public readonly Format $format,
        public readonly string $filename,
        public readonly array $columns,
        public readonly ExportOptions $options,
        public readonly int $waitSeconds = 0,
    ) {
    }
    /** The same with another waiting. */
    public function waiting(int $seconds): self
    {
        return new self(
            $this->requestId,
            $this->format,
            $this->filename,
            $this->columns,
            $this->options,
            $seconds,
        );
    }
}
