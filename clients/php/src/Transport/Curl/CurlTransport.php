<?php

declare(strict_types=1);

namespace Rowferry\Transport\Curl;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\ExportMetadata;
use Rowferry\TaskFilter;
use Rowferry\TaskStatus;
use Rowferry\Transport\Address;
use Rowferry\Transport\ExportStream;
use Rowferry\Transport\TaskPage;
use Rowferry\Transport\Transport;
use Rowferry\Wire\MalformedMessage;
use Rowferry\Wire\Requests;
use Rowferry\Wire\Responses;
use Rowferry\Wire\StatusResponse;

/**
 * gRPC by ext-curl alone: h2c, or HTTP/2 over TLS.
 */
final class CurlTransport implements Transport
{
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

    public function at(string $nodeAddress): self
    {
        return new self($this->address->at($nodeAddress));
    }

    public function open(ExportMetadata $metadata, Deadline $deadline): ExportStream
    {
        $address = $this->address;
        return new CurlExportStream(static function () use ($address, $metadata): GrpcCall {
            $call = new GrpcCall($address, 'Export');
            $call->queue(Requests::metadata($metadata));
            return $call;
        });
    }

    public function status(string $taskId, Deadline $deadline): TaskStatus
    {
        return $this->ask('QueryTaskStatus', Requests::task($taskId), StatusResponse::decode(...), $deadline);
    }

    public function list(TaskFilter $filter, string $pageToken, Deadline $deadline): TaskPage
    {
        return $this->ask('ListTasks', Requests::list($filter, $pageToken), Responses::page(...), $deadline);
    }

    public function cancel(string $taskId, string $reason, Deadline $deadline): TaskStatus
    {
        return $this->ask('CancelTask', Requests::task($taskId, $reason), StatusResponse::decode(...), $deadline);
    }

    public function retry(string $taskId, Deadline $deadline): TaskStatus
    {
        return $this->ask('RetryTask', Requests::task($taskId), StatusResponse::decode(...), $deadline);
    }

    public function delete(string $taskId, Deadline $deadline): TaskStatus
    {
        return $this->ask('DeleteExport', Requests::task($taskId), StatusResponse::decode(...), $deadline);
    }

    public function close(): void
    {
        // Each call has a connection of its own.
    }

    /**
     * @template T
     * @param \Closure(string): T $decode
     * @return T
     */
    private function ask(string $method, string $request, \Closure $decode, Deadline $deadline): mixed
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
            return $decode($call->message() ?? throw Errors::unreachable('the answer is empty'));
        } catch (MalformedMessage $error) {
            throw Errors::notRowferry("what answers is no service: {$error->getMessage()}");
        } finally {
            $call->close();
        }
    }
}
