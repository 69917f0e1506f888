<?php

declare(strict_types=1);

namespace Rowferry\Transport;

use Rowferry\Deadline;
use Rowferry\ExportResult;
use Rowferry\TaskStatus;

/**
 * The end of a task, for connections on which nobody says it: by asking again and again.
 */
final class TaskPolling
{
    private const FIRST_PAUSE_SECONDS = 0.02;
    private const LONGEST_PAUSE_SECONDS = 0.25;

    private readonly float $began;
    private float $pause = self::FIRST_PAUSE_SECONDS;
    private float $nextAt;

    /**
     * @param \Closure(Deadline): TaskStatus $ask
     * @param int $waitSeconds as in ExportMetadata: 0 = until a final state, -1 = not at all
     */
    public function __construct(private readonly \Closure $ask, private readonly int $waitSeconds)
    {
        $this->began = $this->nextAt = Deadline::now();
    }

    /** The result if a state is one to answer with by now. */
    public function judge(TaskStatus $task): ?ExportResult
    {
        $isOver = $this->waitSeconds !== 0 && Deadline::now() - $this->began >= $this->waitSeconds;
        return $isOver || $task->isFinal() ? $task->result() : null;
    }

    /** Asks until there is a result; null if there is none within `$seconds`. */
    public function result(Deadline $deadline, float $seconds): ?ExportResult
    {
        $until = Deadline::now() + $seconds;
        do {
            $deadline->check();
            $pause = min($this->nextAt, $until) - Deadline::now();
            if ($pause > 0.0) {
                usleep((int) (1e6 * $pause));
            }
            $result = Deadline::now() >= $this->nextAt ? $this->judge($this->ask($deadline)) : null;
        } while ($result === null && Deadline::now() < $until);
        return $result;
    }

    private function ask(Deadline $deadline): TaskStatus
    {
        $task = ($this->ask)($deadline);
        $deadline->progressed();
        $this->pause = min(2 * $this->pause, self::LONGEST_PAUSE_SECONDS);
        $this->nextAt = Deadline::now() + $this->pause;
        return $task;
    }
}
