<?php

declare(strict_types=1);

namespace Rowferry;

use Rowferry\Exception\CancelledException;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\Resume\Outcome;
use Rowferry\Resume\ResumableStream;
use Rowferry\Rows\Packer;
use Rowferry\Transport\Created;

/**
 * An export that takes rows one by one.
 *
 * Letting go of it before `finish` leaves the export open for the service's resume window: the same
 * request id, columns and options go on with it, and rows that are kept are skipped.
 *
 * It belongs to the process that opened it: in a process that is forked its methods throw LogicException, and letting
 * go of it does nothing.
 */
final class Export
{
    /** Rows that come slowly are not kept back longer. */
    private const FLUSH_NANOSECONDS = 1_000_000_000;
    private const RESULT_WAIT_SECONDS = 1.0;
    private const LOOK_PATIENCE_SECONDS = 10.0;

    private readonly int $processId;
    private readonly Packer $packer;
    private int $rowsToSkip;
    private int $flushAt;
    private bool $open = true;
    private float $lookedAt;
    /** @var list<mixed> what moves while the file is made */
    private array $seen = [];

    public function __construct(
        private readonly ResumableStream $stream,
        private readonly ExportMetadata $metadata,
        private readonly Deadline $deadline,
        private readonly ProgressReport $report,
        private readonly RetryPolicy $policy,
    ) {
        $this->processId = getmypid();
        $created = $this->guarded(fn (): Created => $stream->begin());
        $this->packer = new Packer($metadata->columns, $metadata->options->timezone !== '', $created->maxMessageBytes);
        $this->packer->startAt(max(1, $created->nextSequence), $created->rowsReceived);
        $this->rowsToSkip = $created->rowsReceived;
        $this->flushAt = hrtime(true) + self::FLUSH_NANOSECONDS;
        $this->lookedAt = Deadline::now();
    }

    public function __destruct()
    {
        $this->close();
    }

    public function requestId(): string
    {
        return $this->metadata->requestId;
    }

    public function taskId(): string
    {
        return (string) $this->stream->taskId();
    }

    /** Whether the service has all rows of this request already; then `write` does nothing. */
    public function hasAllRows(): bool
    {
        return $this->stream->rowsAreThere();
    }

    /** Rows that survive a crash of the service. */
    public function rowsKept(): int
    {
        return $this->stream->rowsKept();
    }

    /**
     * Takes a row: a list in the order of columns, or a map by their keys.
     *
     * Waits while the service is slower. An InvalidRowException whose context has `column` or `key` is of this row if
     * it is the last one; text that is not UTF-8, NaN and infinities are found when their batch is sent.
     *
     * @param array<mixed>|\stdClass $row
     */
    public function write(mixed $row): void
    {
        if ($this->rowsToSkip > 0) {
            $this->rowsToSkip--;
            return;
        }
        try {
            $this->packer->add($row);
        } catch (RowferryException $error) {
            throw $this->named($error);
        }
        if ($this->packer->isFull() || hrtime(true) > $this->flushAt) {
            $this->flush();
        }
    }

    /** @param iterable<array<mixed>|\stdClass> $rows */
    public function writeAll(iterable $rows): void
    {
        if ($this->hasAllRows()) {
            return;
        }
        foreach ($rows as $row) {
            $this->write($row);
        }
    }

    /** Sends what is packed, without waiting for a full batch. */
    public function flush(): void
    {
        $this->requireOpen();
        $this->guarded(function (): void {
            $batches = $this->packer->take();
            if ($batches !== []) {
                $this->stream->send(...$batches);
            }
            $this->report->ofRows($this->stream);
        });
        $this->flushAt = hrtime(true) + self::FLUSH_NANOSECONDS;
    }

    /**
     * Ends the rows and waits for the file, as `open` was told to.
     *
     * Throws ExportFailedException if the export ended without one.
     */
    public function finish(): ExportResult
    {
        $this->flush();
        $result = $this->guarded(function (): ExportResult {
            $rows = $this->rowCount();
            while (($result = $this->stream->result($rows, self::RESULT_WAIT_SECONDS)) === null) {
                $result = $this->look();
                if ($result !== null) {
                    break;
                }
            }
            $this->report->ofRows($this->stream, atOnce: true);
            return $result;
        });
        $this->close();
        if ($result->isFinal() && $result->state !== TaskState::Completed) {
            throw Outcome::failure($result, $this->requestId());
        }
        return $result->ofRequest($this->requestId());
    }

    /** Ends the export for good: nothing of it is kept. */
    public function cancel(string $reason = ''): void
    {
        $this->requireOwnProcess();
        $this->open = false;
        $this->guarded(fn () => $this->stream->cancel($reason, Deadline::after(30.0)));
    }

    /** Lets go of the connection; an export that is not finished waits for the service's resume window. */
    public function close(): void
    {
        $this->open = false;
        if ($this->processId === getmypid()) {
            $this->stream->close();
        }
    }

    /** The result, if the state says that it is final: the stream itself might be dead without saying so. */
    private function look(): ?ExportResult
    {
        $every = $this->report->isWanted() ? $this->policy->lookSeconds : $this->policy->silenceSeconds;
        if (Deadline::now() - $this->lookedAt < $every) {
            return null;
        }
        $this->lookedAt = Deadline::now();
        try {
            $status = $this->stream->status(Deadline::after(self::LOOK_PATIENCE_SECONDS));
        } catch (RowferryException) {
            return null;
        }
        $seen = [$status->state, $status->stage, $status->attempt, $status->recordsProcessed];
        if ($seen !== $this->seen) {
            $this->seen = $seen;
            $this->deadline->progressed();
        }
        $this->report->ofStatus($this->stream, $status);
        return $this->stream->endedBeside($status, $this->policy->silenceSeconds) ? $status->result() : null;
    }

    /** What `finish` says; 0 is not checked. */
    private function rowCount(): int
    {
        if ($this->hasAllRows()) {
            return 0;
        }
        $rows = $this->packer->rowCount();
        if ($this->rowsToSkip > 0) {
            throw Errors::of('ROW_COUNT_MISMATCH', 'the service has rows of this request that did not come again', [
                'expected' => (string) $rows,
                'got' => (string) ($rows - $this->rowsToSkip),
            ]);
        }
        return $rows;
    }

    private function requireOwnProcess(): void
    {
        if ($this->processId !== getmypid()) {
            throw new \LogicException('an export belongs to the process that opened it: this one was forked from that');
        }
    }

    private function requireOpen(): void
    {
        $this->requireOwnProcess();
        if (!$this->open) {
            throw new \LogicException('the export is closed');
        }
    }

    /**
     * @template T
     * @param \Closure(): T $step
     * @return T
     */
    private function guarded(\Closure $step): mixed
    {
        try {
            return $step();
        } catch (CancelledException $error) {
            $this->cancelQuietly();
            throw $this->named($error);
        } catch (RowferryException $error) {
            throw $this->named($error);
        }
    }

    private function cancelQuietly(): void
    {
        try {
            $this->stream->cancel('cancelled by the client', Deadline::after(10.0));
        } catch (RowferryException) {
            // Without its client it ends by itself after the resume window.
        }
    }

    private function named(RowferryException $error): RowferryException
    {
        return $error->requestId !== null ? $error : $error->ofExport($this->stream->taskId(), $this->requestId());
    }
}
