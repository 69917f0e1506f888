<?php

declare(strict_types=1);

namespace Rowferry\Tests\Memory;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\ExportMetadata;
use Rowferry\ExportResult;
use Rowferry\PulledExport;
use Rowferry\Rows\Batch;
use Rowferry\TaskFilter;
use Rowferry\TaskState;
use Rowferry\TaskStatus;
use Rowferry\Transport\Created;
use Rowferry\Transport\ExportStream;
use Rowferry\Transport\TaskPage;
use Rowferry\Transport\TaskStates;
use Rowferry\Transport\Transport;

/**
 * A service with one task in memory, and the transport to it. It fails where a test says so.
 */
final class MemoryService implements Transport
{
    public const TASK = 'task-1';

    /** @var list<string> what was called, in order */
    public array $calls = [];
    /** @var array<int, Batch> that are kept */
    public array $batches = [];
    public TaskState $state = TaskState::Queued;
    public string $errorCode = '';
    public bool $rowsEnded = false;
    public ?ExportMetadata $metadata = null;
    public int $maxMessageBytes = 16 << 20;
    /** Acknowledgements come only when they are waited for. */
    public bool $lazyAcks = false;
    /** @var list<\Closure(): RowferryException|null> what the next connections are refused with; null = nothing */
    public array $refusals = [];
    /** @var list<int|null> after how many batches the next connections break; null = never */
    public array $breaks = [];
    /** Whether the batch with which a connection breaks is kept. */
    public bool $keepsTheLast = false;
    /** @var list<TaskStatus> answers to `status` before the state itself */
    public array $statuses = [];
    /** @var list<ToldStates> what the next connections tell of the task; then its state itself */
    public array $watches = [];
    /** How often a sender checks his patience before a batch is taken. */
    public int $silentChecks = 0;
    /** @var list<\Closure(): RowferryException> what the next calls of `status` are refused with */
    public array $statusRefusals = [];
    /** @var list<\Closure(): RowferryException> what the next calls of `cancel` are refused with */
    public array $cancelRefusals = [];
    /** The end of rows does not arrive on the next connection, and nothing comes back. */
    public bool $losesTheEnd = false;

    public function name(): string
    {
        return 'memory';
    }

    public function address(): string
    {
        return 'memory';
    }

    public function at(string $nodeAddress): Transport
    {
        $this->calls[] = "at $nodeAddress";
        return $this;
    }

    public function open(ExportMetadata $metadata, Deadline $deadline): ExportStream
    {
        $this->calls[] = 'open';
        $refusal = array_shift($this->refusals);
        if ($refusal !== null) {
            throw $refusal();
        }
        $this->metadata = $metadata;
        return new MemoryStream($this, array_shift($this->breaks));
    }

    public function created(): Created
    {
        $next = $this->rowsEnded ? 0 : \count($this->batches) + 1;
        return new Created(self::TASK, $this->state, $next, $this->maxMessageBytes, $this->rows());
    }

    public function rows(): int
    {
        return array_sum(array_map(static fn (Batch $batch): int => $batch->rows, $this->batches));
    }

    /** @return list<mixed> all rows that are kept */
    public function cells(): array
    {
        return array_merge(...array_map(static fn (Batch $batch) => json_decode($batch->json), $this->batches));
    }

    public function keep(Batch $batch): void
    {
        if ($batch->sequence > \count($this->batches) + 1) {
            throw Errors::of('SEQUENCE_GAP', 'a batch is missing');
        }
        $this->batches[$batch->sequence] = $batch;
    }

    public function result(): ExportResult
    {
        return new ExportResult(
            self::TASK,
            $this->state,
            url: $this->state === TaskState::Completed ? 'http://link' : '',
            recordCount: $this->rows(),
            errorCode: $this->errorCode,
            rowsReceived: $this->rows(),
        );
    }

    public function create(PulledExport $export, Deadline $deadline): TaskStatus
    {
        $this->calls[] = "create $export->provider";
        $this->metadata = $export->metadata;
        return new TaskStatus(self::TASK, TaskState::Queued);
    }

    public function watch(string $taskId, Deadline $deadline): TaskStates
    {
        $this->calls[] = 'watch';
        return array_shift($this->watches) ?? new ToldStates([fn (): TaskStatus => $this->status($taskId, $deadline)]);
    }

    public function status(string $taskId, Deadline $deadline): TaskStatus
    {
        $this->calls[] = 'status';
        if ($this->statusRefusals !== []) {
            throw array_shift($this->statusRefusals)();
        }
        return array_shift($this->statuses) ?? new TaskStatus(
            $taskId,
            $this->state,
            recordsProcessed: $this->rows(),
            nextSequence: $this->created()->nextSequence,
            errorCode: $this->errorCode,
        );
    }

    public function list(TaskFilter $filter, string $pageToken, Deadline $deadline): TaskPage
    {
        $this->calls[] = "list $pageToken";
        $page = (int) $pageToken;
        return new TaskPage([new TaskStatus("task-$page", $this->state)], $page < 2 ? (string) ($page + 1) : '');
    }

    public function cancel(string $taskId, string $reason, Deadline $deadline): TaskStatus
    {
        $this->calls[] = "cancel $reason";
        if ($this->cancelRefusals !== []) {
            throw array_shift($this->cancelRefusals)();
        }
        $this->state = TaskState::Cancelled;
        return new TaskStatus($taskId, $this->state);
    }

    public function retry(string $taskId, Deadline $deadline): TaskStatus
    {
        return new TaskStatus($taskId, TaskState::Queued);
    }

    public function delete(string $taskId, Deadline $deadline): TaskStatus
    {
        return new TaskStatus($taskId, TaskState::Expired);
    }

    public function close(): void
    {
        $this->calls[] = 'close';
    }
}
