<?php

declare(strict_types=1);

namespace Rowferry;

use Rowferry\Exception\CancelledException;
use Rowferry\Resume\ResumableStream;

/**
 * Tells a caller's callback how far an export is, five times a second at most. If it returns false, the export is
 * cancelled.
 */
final class ProgressReport
{
    private const SECONDS_BETWEEN = 0.2;

    private float $toldAt = 0.0;

    /** @param (callable(Progress): mixed)|null $callback */
    public function __construct(private readonly string $requestId, private $callback)
    {
    }

    public function isWanted(): bool
    {
        return $this->callback !== null;
    }

    public function ofRows(ResumableStream $stream, bool $atOnce = false): void
    {
        if ($this->callback !== null && ($atOnce || Deadline::now() - $this->toldAt >= self::SECONDS_BETWEEN)) {
            $this->tell($stream, null);
        }
    }

    public function ofStatus(ResumableStream $stream, TaskStatus $status): void
    {
        if ($this->callback !== null) {
            $this->tell($stream, $status);
        }
    }

    private function tell(ResumableStream $stream, ?TaskStatus $status): void
    {
        $this->toldAt = Deadline::now();
        $progress = new Progress(
            taskId: $stream->taskId(),
            requestId: $this->requestId,
            rowsSent: $stream->rowsSent(),
            rowsKept: $stream->rowsKept(),
            reconnects: $stream->reconnects(),
            status: $status,
        );
        if (($this->callback)($progress) === false) {
            throw new CancelledException('CANCELLED', 'the caller cancelled the export');
        }
    }
}
