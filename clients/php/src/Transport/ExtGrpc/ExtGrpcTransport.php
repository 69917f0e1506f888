<?php

declare(strict_types=1);

namespace Rowferry\Transport\ExtGrpc;

use Grpc\Channel;
use Grpc\ChannelCredentials;
use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\ExportMetadata;
use Rowferry\Transport\Address;
use Rowferry\Transport\ExportStream;
use Rowferry\Transport\GrpcTasks;
use Rowferry\Transport\TaskStates;
use Rowferry\Transport\Transport;

/**
 * gRPC by ext-grpc; neither ext-protobuf nor a Composer package is needed.
 *
 * ext-grpc waits in C: the caller's own check (Deadline) is asked between its waits only.
 */
final class ExtGrpcTransport implements Transport
{
    use GrpcTasks;

    /** https://github.com/grpc/grpc/blob/master/include/grpc/impl/channel_arg_names.h */
    private const CHANNEL_OPTIONS = [
        'force_new' => true,
        'grpc.use_local_subchannel_pool' => 1,
        'grpc.primary_user_agent' => 'rowferry-php/' . PHP_VERSION,
        'grpc.max_receive_message_length' => 16 << 20,
        // Whether to try again, and when, is decided above.
        'grpc.enable_retries' => 0,
        // Who says nothing for so long is gone, though its socket is open.
        'grpc.keepalive_time_ms' => 30_000,
        'grpc.keepalive_timeout_ms' => 20_000,
        'grpc.http2.max_pings_without_data' => 0,
    ];

    /** The process that used ext-grpc first: its threads are not in children that are forked later. */
    private static ?int $processId = null;

    public function __construct(private readonly Address $address)
    {
    }

    public static function isAvailable(): bool
    {
        return \extension_loaded('grpc');
    }

    public function name(): string
    {
        return 'ext-grpc';
    }

    public function address(): string
    {
        return $this->address->url();
    }

    public function at(string $nodeAddress): Transport
    {
        return new self($this->address->at($nodeAddress));
    }

    public function open(ExportMetadata $metadata, Deadline $deadline): ExportStream
    {
        return new ExtGrpcStream($this->call('Export', $deadline), $metadata, $this->status(...));
    }

    public function watch(string $taskId, Deadline $deadline): TaskStates
    {
        return new ExtGrpcTaskStates($this->call('WatchTask', $deadline), $taskId);
    }

    public function close(): void
    {
        // Each call has a channel of its own: one whose connection broke would refuse calls for a while.
    }

    private function unary(string $method, string $request, Deadline $deadline): string
    {
        return $this->call($method, $deadline)->ask($request, $deadline);
    }

    private function call(string $method, Deadline $deadline): ExtGrpcCall
    {
        self::$processId ??= getmypid();
        if (self::$processId !== getmypid()) {
            throw new \LogicException('ext-grpc was used before this process was forked: use the transport curl');
        }
        $token = $this->address->token ?? '';
        $metadata = $token === '' ? [] : ['authorization' => ["Bearer $token"]];
        return new ExtGrpcCall($this->connect(), $method, $metadata, $deadline);
    }

    private function connect(): Channel
    {
        $target = "dns:///{$this->address->host}:{$this->address->port}";
        return new Channel($target, self::CHANNEL_OPTIONS + [
            // How long making a connection may take.
            'grpc.min_reconnect_backoff_ms' => $this->address->connectMilliseconds(),
            'credentials' => $this->address->tls ? $this->credentials() : ChannelCredentials::createInsecure(),
            // A proxy of the environment can't carry HTTP/2 without TLS.
            'grpc.enable_http_proxy' => (int) ($this->address->tls && !$this->address->isLoopback()),
        ]);
    }

    private function credentials(): ChannelCredentials
    {
        [$ca, $key, $certificate] = array_map(self::pem(...), [
            $this->address->ca,
            $this->address->key,
            $this->address->certificate,
        ]);
        return ChannelCredentials::createSsl($ca, $key, $certificate);
    }

    private static function pem(?string $path): ?string
    {
        if ($path === null) {
            return null;
        }
        return @file_get_contents($path)
            ?: throw Errors::of('INVALID_METADATA', 'a file of certificates can\'t be read', ['field' => $path]);
    }
}
