<?php

declare(strict_types=1);

namespace Rowferry\Testing;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\ExportMetadata;
use Rowferry\TaskFilter;
use Rowferry\TaskState;
use Rowferry\TaskStatus;
use Rowferry\Transport\ExportStream;
use Rowferry\Transport\TaskPage;
use Rowferry\Transport\Transport;

/**
 * A service in memory, for tests of programs that export: `new Rowferry(new MemoryTransport())`.
 *
 * It keeps the rows as they travel and completes every export that ends its rows. It writes no file and checks no
 * options.
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

    public function at(string $nodeAddress): self
    {
        return $this;
    }

    public function open(ExportMetadata $metadata, Deadline $deadline): ExportStream
    {
        if ($this->failure !== null) {
            throw $this->failure;
        }
        foreach ($this->exports as $export) {
            if ($export->metadata->requestId === $metadata->requestId) {
                return $export->again($metadata);
            }
        }
        return $this->exports[] = new MemoryExport('task-' . \count($this->exports) + 1, $metadata);
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
