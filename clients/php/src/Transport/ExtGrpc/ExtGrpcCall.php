<?php

declare(strict_types=1);

namespace Rowferry\Transport\ExtGrpc;

use Grpc\Call;
use Grpc\Channel;
use Grpc\Timeval;
use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\Transport\GrpcStatus;

/**
 * One call of ext-grpc.
 *
 * ext-grpc waits for the end of each group of operations, in C: nobody looks at the deadline meanwhile, so the call
 * itself has it. Of an operation that failed it says nothing: only what was to be received is missing
 * then, and the status tells why. So nothing is sent for long without receiving.
 */
final class ExtGrpcCall
{
    private const SERVICE_PATH = '/rowferry.v1.ExportService/';

    private readonly Call $call;
    private bool $isOver = false;

    /** @param array<string, list<string>> $metadata */
    public function __construct(
        Channel $channel,
        string $method,
        #[\SensitiveParameter]
        private readonly array $metadata,
        Deadline $deadline,
    ) {
        $deadline->check();
        $seconds = $deadline->totalSeconds();
        $end = $seconds === null
            ? Timeval::infFuture()
            : Timeval::now()->add(new Timeval((int) ceil(1e6 * $seconds)));
        $this->call = new Call($channel, self::SERVICE_PATH . $method, $end);
    }

    /** @return array<string, bool> without the metadata, which has the token */
    public function __debugInfo(): array
    {
        return ['isOver' => $this->isOver];
    }

    /** Sends the first message and gives the first answer. */
    public function begin(string $message, Deadline $deadline): string
    {
        return $this->received([
            \Grpc\OP_SEND_INITIAL_METADATA => $this->metadata,
            \Grpc\OP_SEND_MESSAGE => ['message' => $message],
            \Grpc\OP_RECV_INITIAL_METADATA => true,
            \Grpc\OP_RECV_MESSAGE => true,
        ], $deadline);
    }

    /** Sends the only message and gives the first answer. */
    public function beginAndEnd(string $message, Deadline $deadline): string
    {
        return $this->received([
            \Grpc\OP_SEND_INITIAL_METADATA => $this->metadata,
            \Grpc\OP_SEND_MESSAGE => ['message' => $message],
            \Grpc\OP_SEND_CLOSE_FROM_CLIENT => true,
            \Grpc\OP_RECV_INITIAL_METADATA => true,
            \Grpc\OP_RECV_MESSAGE => true,
        ], $deadline);
    }

    /** Sends the only message and gives the only answer. */
    public function ask(string $message, Deadline $deadline): string
    {
        $event = $this->call->startBatch([
            \Grpc\OP_SEND_INITIAL_METADATA => $this->metadata,
            \Grpc\OP_SEND_MESSAGE => ['message' => $message],
            \Grpc\OP_SEND_CLOSE_FROM_CLIENT => true,
            \Grpc\OP_RECV_INITIAL_METADATA => true,
            \Grpc\OP_RECV_MESSAGE => true,
            \Grpc\OP_RECV_STATUS_ON_CLIENT => true,
        ]);
        $this->isOver = true;
        $deadline->check();
        return $event->message ?? throw self::refusal($event->status);
    }

    /** Sends a message; whether that failed is told by the next answer. */
    public function send(string $message): void
    {
        $this->call->startBatch([\Grpc\OP_SEND_MESSAGE => ['message' => $message]]);
    }

    /** Sends a message, and gives the next answer, whatever it answers. */
    public function sendAndReceive(string $message, Deadline $deadline): string
    {
        return $this->received([
            \Grpc\OP_SEND_MESSAGE => ['message' => $message],
            \Grpc\OP_RECV_MESSAGE => true,
        ], $deadline);
    }

    /** Sends the last message, and gives the next answer. */
    public function end(string $message, Deadline $deadline): string
    {
        return $this->received([
            \Grpc\OP_SEND_MESSAGE => ['message' => $message],
            \Grpc\OP_SEND_CLOSE_FROM_CLIENT => true,
            \Grpc\OP_RECV_MESSAGE => true,
        ], $deadline);
    }

    /**
     * Ends our direction. It is not done together with receiving: where the service has ended the call already this
     * fails, and takes what was received with it.
     */
    public function halfClose(): void
    {
        $this->call->startBatch([\Grpc\OP_SEND_CLOSE_FROM_CLIENT => true]);
    }

    /** Waits for the next answer. */
    public function receive(Deadline $deadline): string
    {
        return $this->received([\Grpc\OP_RECV_MESSAGE => true], $deadline);
    }

    public function close(): void
    {
        if (!$this->isOver) {
            $this->isOver = true;
            $this->call->cancel();
        }
    }

    /** @param array<int, mixed> $operations */
    private function received(array $operations, Deadline $deadline): string
    {
        $deadline->check();
        $message = $this->call->startBatch($operations)->message;
        if ($message !== null) {
            $deadline->progressed();
            return $message;
        }
        $status = $this->call->startBatch([\Grpc\OP_RECV_STATUS_ON_CLIENT => true])->status;
        $this->isOver = true;
        $deadline->check();
        throw self::refusal($status);
    }

    /** @param object{code: int, details: string, metadata: array<string, list<string>>} $status */
    private static function refusal(object $status): RowferryException
    {
        return GrpcStatus::refusal(
            $status->code,
            $status->details,
            $status->metadata['rowferry-code'][0] ?? null,
            $status->metadata['grpc-status-details-bin'][0] ?? '',
        ) ?? Errors::unreachable('the call ended without an answer');
    }
}
