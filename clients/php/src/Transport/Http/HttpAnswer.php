<?php

declare(strict_types=1);

namespace Rowferry\Transport\Http;

use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;

/**
 * What the service, or something in front of it, answered.
 */
final class HttpAnswer
{
    private const BODY_SHOWN_BYTES = 40;
    private const BAD_REQUEST = 400;
    private const REQUEST_TIMEOUT = 408;

    /**
     * @param string $address where it was asked, for messages
     * @param bool $isSent whether it answers a request that had left as a whole
     */
    public function __construct(
        public readonly int $status,
        public readonly string $contentType,
        public readonly string $body,
        private readonly string $address,
        private readonly bool $isSent = true,
    ) {
    }

    /**
     * The JSON object of a request that was done; throws what the service refused.
     *
     * @return array<string, mixed>
     */
    public function document(): array
    {
        $document = json_decode($this->body, true, 64);
        if (!\is_array($document)) {
            throw $this->notTheService();
        }
        if ($this->status >= 200 && $this->status < 300) {
            return $document;
        }
        $error = $document['error'] ?? null;
        if (!\is_array($error) || !\is_string($error['code'] ?? null)) {
            throw $this->notTheService();
        }
        if ($this->isOfHalfARequest($error)) {
            throw $this->cutOff();
        }
        $context = array_filter(\is_array($error['context'] ?? null) ? $error['context'] : [], \is_scalar(...));
        throw Errors::of($error['code'], (string) ($error['message'] ?? ''), array_map(strval(...), $context));
    }

    /**
     * Ours are whole. Of one that was cut on its way (a connection that ended in one direction) the service's HTTP
     * layer says that it is none, and names no field of it.
     *
     * @param array<string, mixed> $error
     */
    private function isOfHalfARequest(array $error): bool
    {
        return $this->status === self::BAD_REQUEST
            && $error['code'] === 'INVALID_METADATA'
            && !isset($error['context']['field']);
    }

    private function cutOff(): RowferryException
    {
        return Errors::unreachable("the request did not get to $this->address as a whole: HTTP $this->status");
    }

    /** A proxy whose service is away says 502, 503 or 504 (RFC 9110 §15.6): another try may help. */
    private function notTheService(): RowferryException
    {
        if (\in_array($this->status, [502, 503, 504], true)) {
            return Errors::unreachable("a proxy at $this->address answers HTTP $this->status: the service is away");
        }
        if (!$this->isSent || $this->status === self::REQUEST_TIMEOUT) {
            return $this->cutOff();
        }
        $shown = trim((string) preg_replace('/[^\x21-\x7E]+/', ' ', substr($this->body, 0, self::BODY_SHOWN_BYTES)));
        $kind = $this->contentType === '' ? 'something' : $this->contentType;
        return Errors::notRowferry(
            "what answers at $this->address is no service: HTTP $this->status, $kind: \"$shown\"",
        );
    }
}
