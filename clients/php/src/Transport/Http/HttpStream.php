<?php

declare(strict_types=1);

namespace Rowferry\Transport\Http;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\ExportMetadata;
use Rowferry\ExportResult;
use Rowferry\Rows\Batch;
use Rowferry\TaskStatus;
use Rowferry\Transport\Ack;
use Rowferry\Transport\Created;
use Rowferry\Transport\ExportStream;
use Rowferry\Transport\TaskPolling;
use Rowferry\Wire\Requests;

/**
 * An export over HTTP/1.1: rows in PUT requests of some megabytes, whose answers acknowledge them.
 *
 * Bodies are RecordBatch messages, each behind its length as a varint, with the client's own numbers:
 * the same batches as over gRPC, so that an export goes on over either.
 */
final class HttpStream implements ExportStream
{
    private const FRAMES = 'application/vnd.rowferry.record-batches';
    /** Of a body: its batches are kept by the client until they are acknowledged. */
    private const BODY_BYTES = 2 << 20;
    /** The service's default; its HTTP port does not tell it, and refuses what is larger. */
    private const MESSAGE_BYTES = 16 << 20;
    /** Proxies cut what is silent for 30 s. */
    private const HELD_SECONDS = 20;
    private const CREATED = 201;

    private ?Created $created = null;
    private ?HttpExchange $body = null;
    private int $bodyBytes = 0;
    private ?Ack $ack = null;
    private ?HttpExchange $ending = null;
    private ?TaskPolling $polling = null;
    private ?ExportResult $result = null;

    public function __construct(
        private readonly HttpConnection $connection,
        private readonly ExportMetadata $metadata,
    ) {
    }

    public function created(Deadline $deadline): Created
    {
        return $this->created ??= $this->create($deadline);
    }

    public function send(Batch $batch, Deadline $deadline): void
    {
        $taskId = $this->created($deadline)->taskId;
        if ($this->body !== null && $this->bodyBytes >= self::BODY_BYTES) {
            $this->settle($deadline);
        }
        if ($this->result !== null) {
            return;
        }
        $this->body ??= $this->connection->beginBody("/v1/exports/$taskId/rows", self::FRAMES);
        $this->body->write(Requests::framedBatchHead($batch) . $batch->json);
        $this->bodyBytes += \strlen($batch->json);
        if ($this->bodyBytes >= self::BODY_BYTES) {
            $this->body->endBody();
        }
        $this->push($this->body, $deadline);
    }

    public function acknowledged(Deadline $deadline, float $waitSeconds = 0.0): ?Ack
    {
        $until = Deadline::now() + $waitSeconds;
        if ($this->body !== null && $waitSeconds > 0.0) {
            $this->body->endBody();
            $this->bodyBytes = self::BODY_BYTES;
        }
        while ($this->body !== null && !$this->body->isAnswered()) {
            $this->connection->step($this->body, $deadline, max(0.0, $until - Deadline::now()));
            if (Deadline::now() >= $until) {
                break;
            }
            $deadline->check();
        }
        if ($this->body?->isAnswered()) {
            $this->settle($deadline);
        }
        return $this->ack;
    }

    public function finish(int $expectedRows, Deadline $deadline): void
    {
        $taskId = $this->created($deadline)->taskId;
        $this->settle($deadline);
        $this->polling = $this->poll();
        if ($this->result === null) {
            $asked = $this->metadata->waitSeconds;
            $this->ending = $this->connection->begin('POST', "/v1/exports/$taskId/finish", [
                'expected_rows' => $expectedRows,
                'wait_seconds' => $asked === 0 ? self::HELD_SECONDS : min($asked, self::HELD_SECONDS),
            ]);
        }
    }

    public function result(Deadline $deadline, float $waitSeconds): ?ExportResult
    {
        $until = Deadline::now() + $waitSeconds;
        if ($this->created?->nextSequence === 0) {
            $this->polling ??= $this->poll();
        }
        while ($this->result === null && $this->ending !== null && ($left = $until - Deadline::now()) > 0.0) {
            $deadline->check();
            $this->connection->step($this->ending, $deadline, $left);
            $this->takeEnd($deadline);
        }
        if ($this->ending === null && ($left = $until - Deadline::now()) > 0.0) {
            $this->result ??= $this->polling?->result($deadline, $left);
        }
        return $this->result;
    }

    public function close(): void
    {
        foreach ([$this->body, $this->ending] as $exchange) {
            if ($exchange !== null) {
                $this->connection->drop($exchange);
            }
        }
        $this->body = $this->ending = null;
    }

    private function create(Deadline $deadline): Created
    {
        $request = $this->connection->begin('POST', '/v1/exports', Documents::metadata($this->metadata));
        $answer = $this->connection->wait($request, $deadline);
        $task = Documents::task($answer->document());
        if ($task->isFinal()) {
            $this->result = $task->result();
        } elseif ($answer->status !== self::CREATED && $task->nextSequence > 0) {
            $task = $this->takeOver($task->taskId, $deadline);
        }
        return new Created($task->taskId, $task->state, $task->nextSequence, self::MESSAGE_BYTES, $task->rowsReceived);
    }

    /** An empty body ends whoever still sends: where it says that rows go on can't change any more. */
    private function takeOver(string $taskId, Deadline $deadline): TaskStatus
    {
        $empty = $this->connection->beginBody("/v1/exports/$taskId/rows", self::FRAMES);
        $empty->endBody();
        return Documents::task($this->connection->wait($empty, $deadline)->document());
    }

    /** Hands a body to the socket; its answer may come before its end. */
    private function push(HttpExchange $body, Deadline $deadline): void
    {
        while ($body->pendingBytes() > 0 && !$body->isAnswered()) {
            $deadline->check();
            $this->connection->step($body, $deadline, 1.0);
        }
        if ($body->isAnswered()) {
            $this->settle($deadline);
        }
    }

    /** Ends the body, if there is one, and takes its answer for an acknowledgement. */
    private function settle(Deadline $deadline): void
    {
        if ($this->body === null) {
            return;
        }
        $this->body->endBody();
        $answer = $this->connection->wait($this->body, $deadline);
        $this->body = null;
        $this->bodyBytes = 0;
        try {
            $task = Documents::task($answer->document());
            $this->ack = new Ack($task->nextSequence - 1, $task->rowsReceived);
        } catch (RowferryException $refusal) {
            $this->result = $this->endedBy($refusal, $deadline);
        }
    }

    private function poll(): TaskPolling
    {
        return new TaskPolling($this->status(...), $this->metadata->waitSeconds);
    }

    /** Takes the answer to the end of the rows, if it is there: how far the task is by then. */
    private function takeEnd(Deadline $deadline): void
    {
        if (!$this->ending?->isAnswered()) {
            return;
        }
        $answer = $this->ending->answer();
        $this->ending = null;
        try {
            $this->result = $this->polling?->judge(Documents::task($answer->document()));
        } catch (RowferryException $refusal) {
            $this->result = $this->endedBy($refusal, $deadline);
        }
    }

    /** A task that has ended answers its rows with an error; what it ended with is the result. */
    private function endedBy(RowferryException $refusal, Deadline $deadline): ExportResult
    {
        if ($refusal->errorCode === Errors::UNREACHABLE) {
            throw $refusal;
        }
        $task = $this->status($deadline);
        return $task->isFinal() ? $task->result() : throw $refusal;
    }

    private function status(Deadline $deadline): TaskStatus
    {
        $taskId = $this->created($deadline)->taskId;
        return Documents::task($this->connection->call('GET', "/v1/exports/$taskId", null, $deadline));
    }
}
