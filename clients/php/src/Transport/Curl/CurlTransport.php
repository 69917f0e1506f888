<?php

declare(strict_types=1);

namespace Rowferry\Transport\Curl;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\ExportMetadata;
use Rowferry\Transport\Address;
use Rowferry\Transport\ExportStream;
use Rowferry\Transport\GrpcTasks;
use Rowferry\Transport\TaskStates;
use Rowferry\Transport\Transport;
use Rowferry\Wire\Requests;

/**
 * gRPC by ext-curl alone: h2c, or HTTP/2 over TLS.
 */
final class CurlTransport implements Transport
{
    use GrpcTasks;

    public function __construct(private readonly Address $address)
    {
    }

    /** Whether this PHP's libcurl speaks HTTP/2. */
    public static function isAvailable(): bool
    {
        return \function_exists('curl_version') && (curl_version()['features'] & CURL_VERSION_HTTP2) !== 0;
    }

    public function name(): string
    {
        return 'curl';
    }

    public function address(): string
    {
        return $this->address->url();
    }

    public function at(string $nodeAddress): self
    {
        return new self($this->address->at($nodeAddress));
    }

    public function open(ExportMetadata $metadata, Deadline $deadline): ExportStream
    {
        $address = $this->address;
        return new CurlExportStream(static function (bool $sendsRows) use ($address, $metadata): GrpcCall {
            $call = new GrpcCall($address, 'Export');
            $call->queue(Requests::metadata($metadata));
            if (!$sendsRows) {
                // A number that no export has: one that does want rows refuses it, and stays open.
                $call->queue(Requests::finish(PHP_INT_MAX));
                $call->halfClose();
            }
            return $call;
        });
    }

    public function watch(string $taskId, Deadline $deadline): TaskStates
    {
        $call = new GrpcCall($this->address, 'WatchTask');
        $call->queue(Requests::task($taskId));
        $call->halfClose();
        return new CurlTaskStates($call);
    }

    public function close(): void
    {
        // Each call has a connection of its own.
    }

    private function unary(string $method, string $request, Deadline $deadline): string
    {
        $call = new GrpcCall($this->address, $method);
        try {
            $call->queue($request);
            $call->halfClose();
            while (!$call->isOver()) {
                $call->move($deadline, 1.0);
            }
            if (($refusal = $call->refusal()) !== null) {
                throw $refusal;
            }
            return $call->message() ?? throw Errors::unreachable('the answer is empty');
        } finally {
            $call->close();
        }
    }
}
