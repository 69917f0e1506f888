<?php

declare(strict_types=1);

namespace Rowferry\Transport\Curl;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\ExportResult;
use Rowferry\Rows\Batch;
use Rowferry\Transport\Ack;
use Rowferry\Transport\Created;
use Rowferry\Transport\ExportStream;
use Rowferry\Wire\MalformedMessage;
use Rowferry\Wire\Requests;
use Rowferry\Wire\Responses;

/**
 * An `Export` call: batches go out while acknowledgements come in.
 */
final class CurlExportStream implements ExportStream
{
    private const MAX_PENDING_BYTES = 1 << 20;
    private const TIMES_TO_BEGIN = 10;

    private ?Created $created = null;
    private ?Ack $newest = null;
    private ?Ack $given = null;
    private ?ExportResult $result = null;

    private GrpcCall $call;
    private bool $sent = false;
    private int $timesBegun = 1;

    /** @param \Closure(bool): GrpcCall $begin a call with the metadata on its way; false: and with its end */
    public function __construct(private readonly \Closure $begin)
    {
        $this->call = $begin(true);
    }

    public function created(Deadline $deadline): Created
    {
        while ($this->created === null) {
            $this->move($deadline, 1.0);
        }
        return $this->created;
    }

    public function send(Batch $batch, Deadline $deadline): void
    {
        $this->sent = true;
        $this->call->queue(Requests::batchHead($batch) . $batch->json);
        $this->move($deadline, 0.0);
        while ($this->call->pendingBytes() > self::MAX_PENDING_BYTES && $this->result === null) {
            $this->move($deadline, 1.0);
        }
    }

    public function acknowledged(Deadline $deadline, float $waitSeconds = 0.0): ?Ack
    {
        $until = Deadline::now() + $waitSeconds;
        $this->move($deadline, 0.0);
        while ($this->newest === $this->given && $this->result === null && ($left = $until - Deadline::now()) > 0.0) {
            $this->move($deadline, $left);
        }
        return $this->given = $this->newest;
    }

    public function finish(int $expectedRows, Deadline $deadline): void
    {
        $this->sent = true;
        $this->call->queue(Requests::finish($expectedRows));
        $this->call->halfClose();
        $this->move($deadline, 0.0);
    }

    public function result(Deadline $deadline, float $waitSeconds): ?ExportResult
    {
        $until = Deadline::now() + $waitSeconds;
        while ($this->result === null && ($left = $until - Deadline::now()) > 0.0) {
            $this->move($deadline, $left);
        }
        return $this->result;
    }

    public function close(): void
    {
        $this->call->close();
    }

    private function move(Deadline $deadline, float $waitSeconds): void
    {
        if ($this->result !== null) {
            return;
        }
        $this->call->move($deadline, $waitSeconds);
        try {
            while (($message = $this->call->message()) !== null) {
                $this->take(Responses::export($message));
            }
        } catch (MalformedMessage $error) {
            throw Errors::notRowferry("what answers is no service: {$error->getMessage()}");
        }
        if ($this->call->isOver() && $this->result === null) {
            $this->endedWithoutResult();
        }
    }

    /**
     * libcurl before 8.0 drops messages that come in one piece with the end of a stream that we have not ended
     * (http2_recv returns http2_handle_stream_close). So it is with the result of an export that was there before: it
     * is asked for by a call that we end at once.
     */
    private function endedWithoutResult(): void
    {
        if ($this->call->refusal() === null && !$this->sent && $this->timesBegun < self::TIMES_TO_BEGIN) {
            $this->timesBegun++;
            $this->call->close();
            $this->call = ($this->begin)(false);
            return;
        }
        throw $this->call->refusal() ?? Errors::unreachable('the call ended without a result');
    }

    private function take(Created|Ack|ExportResult|null $answer): void
    {
        match (true) {
            $answer instanceof Created => $this->created = $answer,
            $answer instanceof Ack => $this->newest = $answer,
            $answer instanceof ExportResult => $this->result = $answer,
            default => null,
        };
    }
}
