<?php

declare(strict_types=1);

namespace Rowferry\Resume;

use Psr\Log\LoggerInterface;
use Rowferry\Deadline;
use Rowferry\Exception\DeadlineExceededException;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\TaskStatus;
use Rowferry\Transport\TaskStates;
use Rowferry\Transport\Transport;

/**
 * A task followed to its end, over as many connections as it takes. Each begins with the task as it is.
 */
final class TaskWatch
{
    private const STEP_SECONDS = 1.0;

    private ?TaskStates $states = null;
    private ?TaskStatus $last = null;
    /** Whether the service has said anything on this connection. */
    private bool $isHeard = false;
    private float $quietSince = 0.0;

    /**
     * @param float $silenceSeconds after so long without a word the service is asked whether it is there
     * @param float $patienceSeconds for its answer
     */
    public function __construct(
        private readonly Transport $transport,
        private readonly string $taskId,
        private readonly Retries $retries,
        private readonly LoggerInterface $logger,
        private readonly float $silenceSeconds,
        private readonly float $patienceSeconds = 10.0,
    ) {
    }

    /**
     * The task's states, those that differ, until the final one.
     *
     * @return \Generator<int, TaskStatus>
     */
    public function states(Deadline $deadline): \Generator
    {
        try {
            while ($this->last?->isFinal() !== true) {
                $status = $this->next($deadline);
                if ($status != $this->last) {
                    $this->last = $status;
                    yield $status;
                }
            }
        } finally {
            $this->close();
        }
    }

    private function next(Deadline $deadline): TaskStatus
    {
        while (true) {
            try {
                $status = $this->told($deadline);
                if ($status !== null) {
                    return $status;
                }
            } catch (RowferryException $error) {
                $this->close();
                $this->awaitNextTry($error, $deadline);
            }
        }
    }

    private function told(Deadline $deadline): ?TaskStatus
    {
        $deadline->check();
        $this->states ??= $this->connect($deadline);
        $status = $this->states->next($deadline, self::STEP_SECONDS);
        if ($status === null) {
            return $this->askBeside($deadline);
        }
        if (!$this->isHeard) {
            $this->isHeard = true;
            $this->retries->answered();
        }
        if ($status != $this->last) {
            $this->retries->progressed();
        }
        $this->quietSince = Deadline::now();
        return $status;
    }

    private function connect(Deadline $deadline): TaskStates
    {
        $this->isHeard = false;
        $this->quietSince = Deadline::now();
        return $this->transport->watch($this->taskId, $deadline);
    }

    /**
     * Finds out whether a connection on which nothing comes is dead, or nothing happens: by the task's state, which it
     * ought to have told. Null: there is nothing new.
     */
    private function askBeside(Deadline $deadline): ?TaskStatus
    {
        if (min($deadline->idleSeconds(), Deadline::now() - $this->quietSince) <= $this->silenceSeconds) {
            return null;
        }
        if (!$this->isHeard) {
            throw $this->silent();
        }
        $this->quietSince = Deadline::now();
        try {
            $status = $this->transport->status($this->taskId, Deadline::after($this->patienceSeconds));
        } catch (DeadlineExceededException) {
            // Not the caller's time is over, but ours.
            throw $this->silent();
        }
        if ($status == $this->last) {
            return null;
        }
        $this->close();
        return $status;
    }

    private function silent(): RowferryException
    {
        return Errors::unreachable("{$this->transport->address()} does not answer");
    }

    /** Throws the error if no further try would help. */
    private function awaitNextTry(RowferryException $error, Deadline $deadline): void
    {
        $pause = $this->retries->pauseSeconds($error);
        $this->logger->warning('Rowferry: the task is watched over a new connection in {pause_seconds} s ({code})', [
            'code' => $error->errorCode,
            'pause_seconds' => round($pause, 3),
            'task_id' => $this->taskId,
            'exception' => $error,
        ]);
        $this->retries->pause($pause, $error, $deadline);
    }

    private function close(): void
    {
        $this->states?->close();
        $this->states = null;
    }
}
