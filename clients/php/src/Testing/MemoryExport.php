<?php

declare(strict_types=1);

namespace Rowferry\Testing;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\ExportMetadata;
use Rowferry\ExportResult;
use Rowferry\PulledExport;
use Rowferry\Rows\Batch;
use Rowferry\TaskState;
use Rowferry\TaskStatus;
use Rowferry\Transport\Ack;
use Rowferry\Transport\Created;
use Rowferry\Transport\ExportStream;

/**
 * What a test may ask of an export: its metadata, its rows, its state.
 */
final class MemoryExport implements ExportStream
{
    private const MAX_MESSAGE_BYTES = 16 << 20;

    /** @var list<list<mixed>> cells as JSON has them: dates and decimals are texts */
    private array $rows = [];
    private int $sequence = 0;
    private TaskState $state;

    /** @param PulledExport|null $pulled what the service was asked to pull; null = rows are pushed */
    public function __construct(
        public readonly string $taskId,
        public readonly ExportMetadata $metadata,
        public readonly ?PulledExport $pulled = null,
    ) {
        $this->state = $pulled === null ? TaskState::Processing : TaskState::Queued;
    }

    /** @return list<list<mixed>> cells as they travel: dates and decimals are texts */
    public function rows(): array
    {
        return $this->rows;
    }

    public function state(): TaskState
    {
        return $this->state;
    }

    /** The same request again; another one under its id is refused. */
    public function again(ExportMetadata $metadata, ?PulledExport $pulled = null): self
    {
        if ($metadata != $this->metadata || $pulled != $this->pulled) {
            throw Errors::of('IDEMPOTENCY_CONFLICT', 'the request_id was used for another export');
        }
        return $this;
    }

    public function become(TaskState $state): TaskStatus
    {
        $this->state = $state;
        return $this->status();
    }

    public function status(): TaskStatus
    {
        $isComplete = $this->state === TaskState::Completed;
        return new TaskStatus(
            $this->taskId,
            $this->state,
            $this->metadata->format,
            $this->metadata->filename,
            recordsProcessed: \count($this->rows),
            rowsReceived: \count($this->rows),
            progressPercent: $isComplete ? 100.0 : 0.0,
            requestId: $this->metadata->requestId,
            url: $isComplete ? "https://rowferry.test/d/$this->taskId" : '',
        );
    }

    public function created(Deadline $deadline): Created
    {
        $next = $this->state === TaskState::Processing ? $this->sequence + 1 : 0;
        return new Created($this->taskId, $this->state, $next, self::MAX_MESSAGE_BYTES, \count($this->rows));
    }

    public function send(Batch $batch, Deadline $deadline): void
    {
        array_push($this->rows, ...json_decode($batch->json, true, flags: JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING));
        $this->sequence = $batch->sequence;
    }

    public function acknowledged(Deadline $deadline, float $waitSeconds = 0.0): ?Ack
    {
        return new Ack($this->sequence, \count($this->rows));
    }

    public function finish(int $expectedRows, Deadline $deadline): void
    {
        $this->state = TaskState::Completed;
    }

    public function result(Deadline $deadline, float $waitSeconds): ?ExportResult
    {
        return $this->state === TaskState::Processing ? null : $this->status()->result();
    }

    public function close(): void
    {
    }
}
