<?php

declare(strict_types=1);

namespace Rowferry\Transport\Http;

use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\Transport\Curl\SendQueue;

/**
 * One request on its way, and its answer. Its body may still grow while it is sent.
 */
final class HttpExchange
{
    /** Lists of 500 tasks take a tenth of it. */
    private const ANSWER_BYTES = 16 << 20;
    /** What another try would not change: names, certificates, files of them. */
    private const NO_TRUST = [
        CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_PEER_CERTIFICATE,
    ];
    private const NO_HTTP = [CURLE_UNSUPPORTED_PROTOCOL, self::WEIRD_SERVER_REPLY];
    private const WEIRD_SERVER_REPLY = 8;

    public readonly \CurlHandle $handle;

    private readonly SendQueue $body;
    private bool $isBodyOpen = false;
    private bool $isSent = false;
    private bool $isHeadWhole = false;
    private bool $isPaused = false;
    private string $received = '';
    private int $takenBytes = 0;
    private ?int $failure = null;

    /**
     * @param array<int, mixed> $options of curl: where to go, how, with which header fields
     * @param string $address for messages
     */
    public function __construct(
        #[\SensitiveParameter]
        array $options,
        private readonly string $address,
    ) {
        $this->body = new SendQueue();
        $this->handle = curl_init();
        // References to parts, not to $this: the request must end when its last owner lets go.
        $received = &$this->received;
        $isHeadWhole = &$this->isHeadWhole;
        curl_setopt_array($this->handle, $options + [
            CURLOPT_HEADERFUNCTION => static function (\CurlHandle $_, string $line) use (&$isHeadWhole): int {
                // Each head begins anew (1xx come before the last), and fields behind the body are none of it.
                $isHeadWhole = rtrim($line, "\r\n") === '' || ($isHeadWhole && !str_starts_with($line, 'HTTP/'));
                return \strlen($line);
            },
            CURLOPT_WRITEFUNCTION => static function (\CurlHandle $_, string $piece) use (&$received): int {
                $received .= $piece;
                return \strlen($received) > self::ANSWER_BYTES ? 0 : \strlen($piece);
            },
        ]);
    }

    /** Makes it a request whose body is written by and by: HTTP/1.1's chunks (RFC 9112 §7.1). */
    public function openBody(): void
    {
        $this->isBodyOpen = true;
        $body = $this->body;
        $isPaused = &$this->isPaused;
        $read = static function (\CurlHandle $_, mixed $file, int $length) use ($body, &$isPaused): string|int {
            $bytes = $body->take($length);
            $isPaused = $bytes === null;
            return $bytes ?? CURL_READFUNC_PAUSE;
        };
        curl_setopt_array($this->handle, [CURLOPT_UPLOAD => true, CURLOPT_READFUNCTION => $read]);
    }

    /** Adds to the body. */
    public function write(string $bytes): void
    {
        $this->body->add($bytes);
        $this->wake();
    }

    public function endBody(): void
    {
        $this->body->end();
        $this->wake();
    }

    /** Bytes of the body that are not yet libcurl's. */
    public function pendingBytes(): int
    {
        return $this->body->bytes();
    }

    /** What changes while bytes move. */
    public function position(): int
    {
        return $this->takenBytes + \strlen($this->received) - $this->body->bytes();
    }

    /** Whether the answer that has begun is one of server-sent events: they are taken as they come. */
    public function isEventStream(): bool
    {
        return curl_getinfo($this->handle, CURLINFO_RESPONSE_CODE) === 200
            && str_starts_with((string) curl_getinfo($this->handle, CURLINFO_CONTENT_TYPE), 'text/event-stream');
    }

    /** Takes what has come of the answer since the last time. */
    public function takeReceived(): string
    {
        $taken = $this->received;
        $this->received = '';
        $this->takenBytes += \strlen($taken);
        return $taken;
    }

    /** @param int $failure the number of curl's error, 0 = none */
    public function ended(int $failure): void
    {
        $this->failure = $failure;
        $this->isSent = !$this->isBodyOpen || $this->body->isTaken();
    }

    public function isAnswered(): bool
    {
        return $this->failure !== null;
    }

    /** The answer; throws UnreachableException if none came. */
    public function answer(): HttpAnswer
    {
        if ($this->failure !== CURLE_OK) {
            throw $this->noAnswer((int) $this->failure);
        }
        if (!$this->isHeadWhole) {
            // libcurl takes an answer that ends among its header fields for one without a body.
            throw Errors::unreachable("the answer of $this->address was cut off");
        }
        return new HttpAnswer(
            curl_getinfo($this->handle, CURLINFO_RESPONSE_CODE),
            (string) curl_getinfo($this->handle, CURLINFO_CONTENT_TYPE),
            $this->received,
            $this->address,
            $this->isSent,
        );
    }

    private function noAnswer(int $failure): RowferryException
    {
        $why = curl_error($this->handle) ?: curl_strerror($failure);
        return match (true) {
            \in_array($failure, self::NO_HTTP, true) =>
                Errors::notRowferry("what answers at $this->address speaks no HTTP/1.1: $why"),
            \in_array($failure, self::NO_TRUST, true) =>
                Errors::notRowferry("the service at $this->address can't be trusted: $why"),
            default => Errors::unreachable("no answer of $this->address: $why"),
        };
    }

    private function wake(): void
    {
        if ($this->isPaused) {
            $this->isPaused = false;
            curl_pause($this->handle, CURLPAUSE_CONT);
        }
    }
}
