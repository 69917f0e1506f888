<?php

declare(strict_types=1);

namespace Rowferry\Resume;

use Psr\Log\LoggerInterface;
use Rowferry\Deadline;
use Rowferry\Exception\ConflictException;
use Rowferry\Exception\DeadlineExceededException;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\ExportMetadata;
use Rowferry\ExportResult;
use Rowferry\Rows\Batch;
use Rowferry\TaskState;
use Rowferry\TaskStatus;
use Rowferry\Transport\Ack;
use Rowferry\Transport\Created;
use Rowferry\Transport\ExportStream;
use Rowferry\Transport\Transport;

/**
 * An export over as many connections as it takes.
 *
 * Each begins with the same metadata, hears which batch the service lacks, and sends from there what is
 * not acknowledged.
 */
final class ResumableStream
{
    private const ACK_WAIT_SECONDS = 1.0;
    /** Failures for good that the same request takes up again: docs/protocol.md, "When a stream breaks". */
    private const REOPENED = ['STREAM_LOST', 'STREAM_IDLE', 'SHUTTING_DOWN'];

    private ?ExportStream $stream = null;
    private ?Created $first = null;
    private ?float $connectingSince = null;
    private readonly Window $window;
    /** The last batch sent on this connection. */
    private int $sentSequence = 0;
    private int $rowsSent = 0;
    private int $rowsKept = 0;
    private int $reconnects = 0;
    private ?int $finishRows = null;
    private bool $finishSent = false;
    private bool $rowsAreThere = false;

    public function __construct(
        private Transport $transport,
        private readonly ExportMetadata $metadata,
        private readonly Retries $retries,
        private readonly Deadline $deadline,
        private readonly LoggerInterface $logger,
    ) {
        $this->window = new Window();
    }

    /** Connects, and gives the service's answer of the first time. */
    public function begin(): Created
    {
        return $this->persistently(fn (): Created => $this->first);
    }

    /** Sends batches, or keeps them for the next connection; waits while too much is not acknowledged. */
    public function send(Batch ...$batches): void
    {
        if ($this->rowsAreThere) {
            return;
        }
        // All before the first is sent: what the caller's callback throws must not lose those behind it.
        array_map($this->window->add(...), $batches);
        $this->persistently(function (ExportStream $stream): void {
            $this->sendUnsent($stream);
            $this->take($stream->acknowledged($this->deadline));
            while ($this->window->isFull() && $this->untimelyResult($stream) === null) {
                $this->take($stream->acknowledged($this->deadline, self::ACK_WAIT_SECONDS));
            }
            $this->untimelyResult($stream);
        });
        $this->rowsSent += array_sum(array_column($batches, 'rows'));
    }

    /**
     * Says that these were all rows, and waits for the answer as `metadata.waitSeconds` asks for it.
     *
     * Null: it did not come within `$waitSeconds`; ask again.
     */
    public function result(int $rows, float $waitSeconds): ?ExportResult
    {
        $this->finishRows = $rows;
        return $this->persistently(function (ExportStream $stream) use ($waitSeconds): ?ExportResult {
            $this->sendUnsent($stream);
            $result = $stream->result($this->deadline, $waitSeconds);
            // Where results and acknowledgements come by different ways the latter may be asked for still.
            $this->rowsKept = max($this->rowsKept, $result?->rowsReceived ?? 0);
            return $result;
        });
    }

    /** The task as it is, asked for beside the stream. */
    public function status(Deadline $deadline): TaskStatus
    {
        return $this->transport->status((string) $this->taskId(), $deadline);
    }

    /**
     * Whether a state that was asked for beside the stream, behind the last row, is the end.
     *
     * If the export waits to be gone on with, or for rows that were all sent, then the stream is dead without having
     * said so: the next step makes a new one.
     */
    public function endedBeside(TaskStatus $status, float $silenceSeconds): bool
    {
        $lost = $status->isFinal() && \in_array($status->errorCode, self::REOPENED, true);
        $unheard = $status->nextSequence > 0 && $this->deadline->idleSeconds() > $silenceSeconds;
        if ($lost || $unheard) {
            $this->close();
        }
        return $status->isFinal() && !$lost;
    }

    public function cancel(string $reason, Deadline $deadline): ?TaskStatus
    {
        $this->close();
        $taskId = $this->taskId();
        if ($taskId === null) {
            return null;
        }
        $cancel = fn (Deadline $deadline): TaskStatus => $this->transport->cancel($taskId, $reason, $deadline);
        try {
            return $this->retries->call($cancel, $deadline);
        } catch (DeadlineExceededException) {
            // Not the caller's time is over, but ours.
            throw Errors::unreachable("{$this->address()} does not answer");
        }
    }

    /** Where the service is, for messages. */
    public function address(): string
    {
        return $this->transport->address();
    }

    public function isConnected(): bool
    {
        return $this->stream !== null;
    }

    /** How long the service has not answered a new connection. */
    public function connectingSeconds(): float
    {
        return $this->connectingSince === null ? 0.0 : Deadline::now() - $this->connectingSince;
    }

    /** Whether the service has all rows already: none are wanted. */
    public function rowsAreThere(): bool
    {
        return $this->rowsAreThere;
    }

    public function taskId(): ?string
    {
        return $this->first?->taskId;
    }

    public function rowsSent(): int
    {
        return $this->rowsSent;
    }

    public function rowsKept(): int
    {
        return $this->rowsKept;
    }

    public function reconnects(): int
    {
        return $this->reconnects;
    }

    public function close(): void
    {
        $this->stream?->close();
        $this->stream = null;
    }

    /**
     * @template T
     * @param \Closure(ExportStream): T $step may be begun again on another connection
     * @return T
     */
    private function persistently(\Closure $step): mixed
    {
        while (true) {
            try {
                return $step($this->stream ??= $this->connect());
            } catch (RowferryException $error) {
                $this->close();
                $this->awaitNextTry($error);
            } catch (\Throwable $foreign) {
                // Of the caller's own code, in the middle of anything: the next step begins on a new connection.
                $this->close();
                throw $foreign;
            }
        }
    }

    private function connect(): ExportStream
    {
        $stream = null;
        $this->connectingSince = Deadline::now();
        try {
            $stream = $this->transport->open($this->metadata, $this->deadline);
            $this->goOn($stream->created($this->deadline));
        } catch (\Throwable $error) {
            $stream?->close();
            throw $this->outcomeBehind($error) ?? $error;
        } finally {
            $this->connectingSince = null;
        }
        return $stream;
    }

    private function goOn(Created $created): void
    {
        $this->deadline->progressed();
        $this->retries->connected();
        if ($this->first === null) {
            $this->window->startAt($created->nextSequence, $created->rowsReceived);
        }
        if ($this->first === null || $created->rowsReceived > $this->rowsKept) {
            $this->retries->progressed();
        }
        $this->rowsAreThere = $created->nextSequence === 0;
        $this->requireOurRows($created);
        $this->first ??= $created;
        $this->rowsKept = max($this->rowsKept, $created->rowsReceived);
        $this->rowsAreThere ? $this->window->clear() : $this->window->dropBelow($created->nextSequence);
        $this->sentSequence = $created->nextSequence - 1;
        $this->finishSent = false;
    }

    /**
     * Rows that another process sent under this request id lie across ours if its batches are others; and a service
     * whose data were lost asks for rows that nobody has any more.
     */
    private function requireOurRows(Created $created): void
    {
        $rows = $this->window->rowsBelow($created->nextSequence);
        if ($this->rowsAreThere || $rows === $created->rowsReceived) {
            return;
        }
        throw Errors::of('IDEMPOTENCY_CONFLICT', 'the rows that the service has of this request were not sent here', [
            'request_id' => $this->metadata->requestId,
            'batch_sequence' => (string) $created->nextSequence,
            'expected' => $rows === null ? 'a batch that is not acknowledged' : "$rows rows",
            'got' => "$created->rowsReceived rows",
        ]);
    }

    /** A task that ended between two connections can't be gone on with: its own error says more than that. */
    private function outcomeBehind(\Throwable $error): ?RowferryException
    {
        if ($this->first === null || !$error instanceof ConflictException || $error->errorCode !== 'INVALID_STATE') {
            return null;
        }
        $result = $this->status($this->deadline)->result();
        return $result->isFinal() ? Outcome::failure($result, $this->metadata->requestId) : null;
    }

    private function sendUnsent(ExportStream $stream): void
    {
        while (($batch = $this->window->batch($this->sentSequence + 1)) !== null) {
            $stream->send($batch, $this->deadline);
            $this->sentSequence = $batch->sequence;
        }
        if ($this->finishRows !== null && !$this->finishSent && !$this->rowsAreThere) {
            $stream->finish($this->finishRows, $this->deadline);
            $this->finishSent = true;
        }
    }

    private function take(?Ack $ack): void
    {
        if ($ack !== null && $ack->rows > $this->rowsKept) {
            $this->rowsKept = $ack->rows;
            $this->retries->progressed();
        }
        if ($ack !== null) {
            $this->window->dropBelow($ack->sequence + 1);
        }
    }

    /** A result before the end of rows: the task failed or was cancelled, which is thrown. */
    private function untimelyResult(ExportStream $stream): ?ExportResult
    {
        $result = $stream->result($this->deadline, 0.0);
        if ($result !== null && $result->isFinal() && $result->state !== TaskState::Completed) {
            throw Outcome::failure($result, $this->metadata->requestId);
        }
        return $result;
    }

    /** Throws the error if no further try would help. */
    private function awaitNextTry(RowferryException $error): void
    {
        $pause = $this->retries->pauseSeconds($error);
        $node = $error->context['node_address'] ?? '';
        if ($error->errorCode === 'WRONG_NODE' && $node !== '') {
            $this->transport = $this->transport->at($node);
        }
        $this->reconnects++;
        $this->logger->warning('Rowferry: the export goes on over a new connection in {pause_seconds} s ({code})', [
            'code' => $error->errorCode,
            'pause_seconds' => round($pause, 3),
            'request_id' => $this->metadata->requestId,
            'task_id' => $this->taskId(),
            'rows_kept' => $this->rowsKept,
            'exception' => $error,
        ]);
        $this->retries->pause($pause, $error, $this->deadline);
    }
}
