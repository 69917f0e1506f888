<?php

declare(strict_types=1);

namespace Rowferry\Transport\ExtGrpc;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\ExportMetadata;
use Rowferry\ExportResult;
use Rowferry\Rows\Batch;
use Rowferry\TaskStatus;
use Rowferry\Transport\Ack;
use Rowferry\Transport\Created;
use Rowferry\Transport\ExportStream;
use Rowferry\Transport\TaskPolling;
use Rowferry\Wire\MalformedMessage;
use Rowferry\Wire\Requests;
use Rowferry\Wire\Responses;

/**
 * An `Export` call by ext-grpc.
 *
 * Once some batches are under way, each is sent together with waiting for an acknowledgement: of
 * what is under way one surely comes. So neither acknowledgements nor a failure stay unread, and
 * unread acknowledgements can't fill the window in which the service writes them.
 */
final class ExtGrpcStream implements ExportStream
{
    private const UNDER_WAY_BYTES = 1 << 20;

    private ?Created $created = null;
    private ?Ack $newest = null;
    private ?ExportResult $result = null;
    /** @var array<int, int> bytes of the batches that are not acknowledged, by their number */
    private array $underWay = [];
    private ?TaskPolling $polling = null;
    private bool $ended = false;

    /**
     * @param ExportMetadata $metadata its result is asked for at once behind the rows: nobody could
     *     interrupt the waiting for a later one
     * @param \Closure(string, Deadline): TaskStatus $status asks for a task by its id
     */
    public function __construct(
        private readonly ExtGrpcCall $call,
        private readonly ExportMetadata $metadata,
        private readonly \Closure $status,
    ) {
    }

    public function created(Deadline $deadline): Created
    {
        if ($this->created === null) {
            $this->take($this->call->begin(Requests::metadata($this->metadata->waiting(-1)), $deadline));
        }
        return $this->created ?? throw Errors::notRowferry('what answers is no service: it made no task');
    }

    public function send(Batch $batch, Deadline $deadline): void
    {
        if ($this->result !== null) {
            return;
        }
        $message = Requests::batchHead($batch) . $batch->json;
        $mustReceive = array_sum($this->underWay) >= self::UNDER_WAY_BYTES;
        $this->underWay[$batch->sequence] = \strlen($message);
        if ($mustReceive) {
            $this->take($this->call->sendAndReceive($message, $deadline));
        } else {
            $deadline->check();
            $this->call->send($message);
            $deadline->progressed();
        }
    }

    /** Longer than asked for while the service itself waits for room: see ExtGrpcCall. */
    public function acknowledged(Deadline $deadline, float $waitSeconds = 0.0): ?Ack
    {
        if ($waitSeconds > 0.0 && $this->underWay !== [] && $this->result === null) {
            $this->take($this->call->receive($deadline));
        }
        return $this->newest;
    }

    public function finish(int $expectedRows, Deadline $deadline): void
    {
        if ($this->result === null && !$this->ended) {
            $this->ended = true;
            $this->take($this->call->end(Requests::finish($expectedRows), $deadline));
        }
    }

    public function result(Deadline $deadline, float $waitSeconds): ?ExportResult
    {
        if ($this->result === null && $waitSeconds > 0.0) {
            $this->receiveResult($deadline);
        }
        if ($this->result === null || $this->result->isFinal() || $this->metadata->waitSeconds === -1) {
            return $this->result;
        }
        if ($waitSeconds <= 0.0) {
            return null;
        }
        $this->polling ??= $this->poll($this->result->taskId);
        return $this->polling->result($deadline, $waitSeconds);
    }

    public function close(): void
    {
        $this->call->close();
    }

    private function receiveResult(Deadline $deadline): void
    {
        if ($this->created($deadline)->nextSequence === 0 && !$this->ended) {
            // No rows are wanted: the answer waits for our end only.
            $this->ended = true;
            $this->call->halfClose();
        }
        while ($this->result === null) {
            $this->take($this->call->receive($deadline));
        }
    }

    private function poll(string $taskId): TaskPolling
    {
        $ask = fn (Deadline $deadline): TaskStatus => ($this->status)($taskId, $deadline);
        return new TaskPolling($ask, $this->metadata->waitSeconds);
    }

    private function take(string $message): void
    {
        try {
            $answer = Responses::export($message);
        } catch (MalformedMessage $error) {
            throw Errors::notRowferry("what answers is no service: {$error->getMessage()}");
        }
        match (true) {
            $answer instanceof Created => $this->created = $answer,
            $answer instanceof Ack => $this->acknowledge($answer),
            $answer instanceof ExportResult => $this->result = $answer,
            default => null,
        };
    }

    private function acknowledge(Ack $ack): void
    {
        $this->newest = $ack;
        foreach ($this->underWay as $sequence => $_) {
            if ($sequence > $ack->sequence) {
                break;
            }
            unset($this->underWay[$sequence]);
        }
    }
}
