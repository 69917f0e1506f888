<?php

declare(strict_types=1);

namespace Rowferry\Testing;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\ExportMetadata;
use Rowferry\PulledExport;
use Rowferry\TaskFilter;
use Rowferry\TaskState;
use Rowferry\TaskStatus;
use Rowferry\Transport\ExportStream;
use Rowferry\Transport\TaskPage;
use Rowferry\Transport\TaskStates;
use Rowferry\Transport\Transport;

/**
 * A service in memory, for tests of programs that export: `new Rowferry(new MemoryTransport())`.
 *
 * It keeps the rows as they travel and completes every export that ends its rows, or that was to be pulled. It writes
 * no file and checks neither options nor providers.
 */
final class MemoryTransport implements Transport
{
    /** @var list<MemoryExport> in the order in which they began */
    private array $exports = [];
    private ?RowferryException $failure = null;

    /** @return list<MemoryExport> in the order in which they began */
    public function exports(): array
    {
        return $this->exports;
    }

    /** From now on exports are refused with a code of docs/errors.md. */
    public function refuseWith(string $code): void
    {
        $this->failure = Errors::of($code, "refused with $code by the test");
    }

    public function name(): string
    {
        return 'memory';
    }

    public function address(): string
    {
        return 'memory';
    }

    public function at(string $nodeAddress): self
    {
        return $this;
    }

    public function open(ExportMetadata $metadata, Deadline $deadline): ExportStream
    {
        return $this->taken($metadata, null);
    }

    /** The task is QUEUED in the answer, and COMPLETED from then on. */
    public function create(PulledExport $export, Deadline $deadline): TaskStatus
    {
        $taken = $this->taken($export->metadata, $export);
        $atFirst = $taken->status();
        if ($taken->state() === TaskState::Queued) {
            $taken->become(TaskState::Completed);
        }
        return $atFirst;
    }

    public function watch(string $taskId, Deadline $deadline): TaskStates
    {
        return new MemoryStates($this->export($taskId));
    }

    public function status(string $taskId, Deadline $deadline): TaskStatus
    {
        return $this->export($taskId)->status();
    }

    /** All tasks, whatever the filter asks for. */
    public function list(TaskFilter $filter, string $pageToken, Deadline $deadline): TaskPage
    {
        $tasks = array_map(static fn (MemoryExport $export) => $export->status(), $this->exports);
        return new TaskPage(array_reverse($tasks), '');
    }

    public function cancel(string $taskId, string $reason, Deadline $deadline): TaskStatus
    {
        return $this->export($taskId)->become(TaskState::Cancelled);
    }

    public function retry(string $taskId, Deadline $deadline): TaskStatus
    {
        return $this->export($taskId)->status();
    }

    public function delete(string $taskId, Deadline $deadline): TaskStatus
    {
        return $this->export($taskId)->become(TaskState::Expired);
    }

    public function close(): void
    {
    }

    private function taken(ExportMetadata $metadata, ?PulledExport $pulled): MemoryExport
    {
        if ($this->failure !== null) {
            throw $this->failure;
        }
        foreach ($this->exports as $export) {
            if ($export->metadata->requestId === $metadata->requestId) {
                return $export->again($metadata, $pulled);
            }
        }
        return $this->exports[] = new MemoryExport('task-' . \count($this->exports) + 1, $metadata, $pulled);
    }

    private function export(string $taskId): MemoryExport
    {
        foreach ($this->exports as $export) {
            if ($export->taskId === $taskId) {
                return $export;
            }
        }
        throw Errors::of('NOT_FOUND', 'there is no such task', ['task_id' => $taskId]);
    }
}
