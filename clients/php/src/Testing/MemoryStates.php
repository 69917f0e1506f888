<?php

declare(strict_types=1);

namespace Rowferry\Testing;

use Rowferry\Deadline;
use Rowferry\TaskState;
use Rowferry\TaskStatus;
use Rowferry\Transport\TaskStates;

/**
 * What MemoryTransport tells of a task: its state, and again once that is another.
 */
final class MemoryStates implements TaskStates
{
    private const LOOK_MICROSECONDS = 10_000;

    private ?TaskState $told = null;

    public function __construct(private readonly MemoryExport $export)
    {
    }

    public function next(Deadline $deadline, float $waitSeconds): ?TaskStatus
    {
        $deadline->check();
        if ($this->told === $this->export->state()) {
            usleep(self::LOOK_MICROSECONDS); // only a caller's callback could change it
            return null;
        }
        $this->told = $this->export->state();
        return $this->export->status();
    }

    public function close(): void
    {
    }
}
