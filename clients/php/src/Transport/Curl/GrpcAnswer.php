<?php

declare(strict_types=1);

namespace Rowferry\Transport\Curl;

use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\Transport\GrpcStatus;

/**
 * What came back of a call: its messages, and the status in its trailers.
 */
final class GrpcAnswer
{
    /** The service's answers are small; a list of 500 tasks has less than this. */
    private const MAX_MESSAGE_BYTES = 16 << 20;
    private const MAX_HEADER_BYTES = 1 << 16;

    private string $buffer = '';
    private int $bytes = 0;
    private int $headerBytes = 0;
    private string $protocol = '';
    private int $httpStatus = 0;
    /** @var array<string, string> */
    private array $headers = [];

    /** Takes a part of the body; what it gives back other than the length makes libcurl stop. */
    public function body(string $bytes): int
    {
        $this->buffer .= $bytes;
        $this->bytes += \strlen($bytes);
        return \strlen($this->buffer) > self::MAX_MESSAGE_BYTES ? -1 : \strlen($bytes);
    }

    /** Takes a line of the headers or the trailers. */
    public function header(string $line): int
    {
        $length = \strlen($line);
        $this->bytes += $length;
        $this->headerBytes += $length;
        if ($this->headerBytes > self::MAX_HEADER_BYTES) {
            return -1;
        }
        if (preg_match('~^(HTTP/\S+) (\d{3})~', $line, $matches) === 1) {
            [, $this->protocol, $status] = $matches;
            $this->httpStatus = (int) $status;
            $this->headers = [];
        } elseif (str_contains($line, ':')) {
            [$name, $value] = explode(':', $line, 2);
            $this->headers[strtolower($name)] = trim($value);
        }
        return $length;
    }

    /** All bytes so far: they move while the service answers. */
    public function bytes(): int
    {
        return $this->bytes;
    }

    public function message(): ?string
    {
        if (\strlen($this->buffer) < 5) {
            return null;
        }
        ['compressed' => $compressed, 'length' => $length] = unpack('Ccompressed/Nlength', $this->buffer);
        if ($compressed !== 0 || $length > self::MAX_MESSAGE_BYTES) {
            throw Errors::notRowferry('what answers is no service: a message is compressed or too long');
        }
        if (\strlen($this->buffer) < 5 + $length) {
            return null;
        }
        $message = substr($this->buffer, 5, $length);
        $this->buffer = substr($this->buffer, 5 + $length);
        return $message;
    }

    /** Whether the status is there; libcurl gives all trailers at once. */
    public function isOver(): bool
    {
        return isset($this->headers['grpc-status']);
    }

    /** Why a transfer that libcurl calls complete is none. */
    public function incomplete(): RowferryException
    {
        return match (true) {
            $this->protocol !== '' && $this->protocol !== 'HTTP/2' =>
                Errors::notRowferry("what answers speaks {$this->protocol}, not HTTP/2"),
            \in_array($this->httpStatus, [0, 200, 502, 503, 504], true) =>
                Errors::unreachable('the connection to the service broke before its answer was complete'),
            default => Errors::notRowferry("what answers is no service: HTTP {$this->httpStatus}"),
        };
    }

    /** Null if the call ended well, or has not ended. */
    public function refusal(): ?RowferryException
    {
        return GrpcStatus::refusal(
            (int) ($this->headers['grpc-status'] ?? '0'),
            rawurldecode($this->headers['grpc-message'] ?? ''),
            $this->headers['rowferry-code'] ?? null,
            // The trailer may lack base64's padding.
            (string) base64_decode($this->headers['grpc-status-details-bin'] ?? '', false),
        );
    }
}
