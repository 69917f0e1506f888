<?php

declare(strict_types=1);

namespace Rowferry\Transport\Curl;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\Transport\Address;

/**
 * One gRPC call over HTTP/2 by libcurl, both directions open at once.
 *
 * The protocol: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md. A call has a
 * connection of its own, which ends with it: nothing is shared between calls or with a process that is forked
 * between them. (libcurl below 8.0 can't use an h2c connection again anyway.)
 */
final class GrpcCall
{
    private const TICK_SECONDS = 0.25;
    /** What another try would not change: names, certificates, files of them. */
    private const NO_TRUST = [
        CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_PEER_CERTIFICATE,
    ];
    private const SERVICE_PATH = '/rowferry.v1.ExportService/';

    private ?\CurlMultiHandle $multi;
    private ?\CurlHandle $easy;
    private readonly SendQueue $sending;
    private readonly GrpcAnswer $answer;
    private bool $paused = false;
    private bool $ended = false;
    private readonly int $processId;
    private readonly string $where;

    public function __construct(Address $address, string $method)
    {
        $this->processId = getmypid();
        $this->sending = new SendQueue();
        $this->where = "{$address->host}:{$address->port}";
        $this->answer = new GrpcAnswer();
        $this->multi = curl_multi_init();
        $this->easy = curl_init($address->url(self::SERVICE_PATH . $method));
        curl_setopt_array($this->easy, $this->options($address));
        curl_multi_add_handle($this->multi, $this->easy);
    }

    public function __destruct()
    {
        $this->close();
    }

    /** Puts a message on its way; `move` carries it. */
    public function queue(string $message): void
    {
        $this->sending->add("\0" . pack('N', \strlen($message)) . $message);
        $this->resume();
    }

    /** Ends our direction once everything is sent. */
    public function halfClose(): void
    {
        $this->sending->end();
        $this->resume();
    }

    /** Bytes that are queued and not yet libcurl's. */
    public function pendingBytes(): int
    {
        return $this->sending->bytes();
    }

    /** The next message of the answer that has come, null if there is none. */
    public function message(): ?string
    {
        return $this->answer->message();
    }

    /** Whether the service has ended the call. */
    public function isOver(): bool
    {
        return $this->ended || $this->answer->isOver();
    }

    /** What the service refused the call with, null if it ended well. */
    public function refusal(): ?\Throwable
    {
        return $this->answer->refusal();
    }

    /**
     * Sends and receives what is possible; with `$waitSeconds` waits so long at most for anything to move.
     *
     * Throws UnreachableException when the connection can't be made or broke.
     */
    public function move(Deadline $deadline, float $waitSeconds): void
    {
        $this->step($deadline);
        if ($waitSeconds <= 0.0 || $this->isOver()) {
            return;
        }
        $deadline->check();
        $seconds = $deadline->remainingSeconds(min($waitSeconds, self::TICK_SECONDS));
        // -1 is an interruption by a signal, or nothing to wait for yet.
        if (curl_multi_select($this->multi, $seconds) === -1) {
            usleep(1000);
        }
        $this->step($deadline);
    }

    /** Ends the connection. */
    public function close(): void
    {
        if ($this->multi === null || $this->easy === null) {
            return;
        }
        // In a forked child it is the parent's connection: closing TLS would say goodbye in its name.
        if ($this->processId === getmypid()) {
            curl_multi_remove_handle($this->multi, $this->easy);
            curl_multi_close($this->multi);
        }
        $this->multi = null;
        $this->easy = null;
        $this->ended = true;
    }

    private function step(Deadline $deadline): void
    {
        if ($this->multi === null || $this->processId !== getmypid()) {
            throw Errors::unreachable('the call is closed, or another process\'s');
        }
        $before = [$this->sending->bytes(), $this->answer->bytes()];
        $status = curl_multi_exec($this->multi, $running);
        if ($status !== CURLM_OK) {
            throw Errors::unreachable('libcurl: ' . curl_multi_strerror($status));
        }
        if ($before !== [$this->sending->bytes(), $this->answer->bytes()]) {
            $deadline->progressed();
        }
        if ($running === 0 && !$this->answer->isOver()) {
            $this->transferEnded();
        }
    }

    private function transferEnded(): void
    {
        $this->ended = true;
        $info = curl_multi_info_read($this->multi);
        $result = $info === false ? CURLE_OK : $info['result'];
        if ($result === CURLE_OK) {
            throw $this->answer->incomplete();
        }
        $why = curl_strerror($result);
        throw \in_array($result, self::NO_TRUST, true)
            ? Errors::notRowferry("the service can't be trusted: $why")
            : Errors::unreachable("the connection to {$this->where} broke: $why");
    }

    private function resume(): void
    {
        if ($this->paused && $this->easy !== null) {
            $this->paused = false;
            curl_pause($this->easy, CURLPAUSE_CONT);
        }
    }

    /** @return array<int, mixed> */
    private function options(Address $address): array
    {
        // References to the parts, not to $this: the call must end when its last owner lets go.
        $sending = $this->sending;
        $answer = $this->answer;
        $paused = &$this->paused;
        $read = static function ($easy, $file, int $length) use ($sending, &$paused): string|int {
            $bytes = $sending->take($length);
            $paused = $bytes === null;
            return $bytes ?? CURL_READFUNC_PAUSE;
        };
        return [
            CURLOPT_HTTP_VERSION => $address->tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_UPLOAD => true,
            CURLOPT_CUSTOMREQUEST => 'POST',
            CURLOPT_HTTPHEADER => self::headers($address),
            CURLOPT_READFUNCTION => $read,
            CURLOPT_WRITEFUNCTION => static fn ($easy, string $bytes): int => $answer->body($bytes),
            CURLOPT_HEADERFUNCTION => static fn ($easy, string $line): int => $answer->header($line),
            CURLOPT_CONNECTTIMEOUT_MS => $address->connectMilliseconds(),
            CURLOPT_FORBID_REUSE => true,
            CURLOPT_FRESH_CONNECT => true,
            CURLOPT_NOSIGNAL => true,
            CURLOPT_TCP_NODELAY => true,
            CURLOPT_TCP_KEEPALIVE => true,
            CURLOPT_BUFFERSIZE => 65536,
            // A proxy of the environment can't carry HTTP/2 without TLS.
        ] + ($address->tls && !$address->isLoopback() ? [] : [CURLOPT_NOPROXY => '*']) + array_filter([
            CURLOPT_CAINFO => $address->ca,
            CURLOPT_SSLCERT => $address->certificate,
            CURLOPT_SSLKEY => $address->key,
        ], \is_string(...));
    }

    /** @return list<string> */
    private static function headers(Address $address): array
    {
        $headers = [
            'Content-Type: application/grpc',
            'TE: trailers',
            'User-Agent: rowferry-php/' . PHP_VERSION,
            // Without these libcurl adds its own: HTTP/1.1's 100-continue, and a type of its choice.
            'Expect:',
            'Accept:',
        ];
        if (($address->token ?? '') !== '') {
            $headers[] = "Authorization: Bearer {$address->token}";
        }
        return $headers;
    }
}
