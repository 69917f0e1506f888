<?php

declare(strict_types=1);

namespace Rowferry\Transport;

use Rowferry\Exception\Errors;

/**
 * Where a service is, how to trust it, and who calls.
 */
final class Address
{
    private const CONNECT_SECONDS = 10.0;

    /**
     * @param string $host name or IP address; IPv6 in brackets
     * @param string|null $ca path of PEM certificates to trust instead of the system's
     * @param string|null $certificate path of the client's certificate, PEM
     * @param string|null $key path of its key, PEM
     * @param float $connectSeconds how long making a connection may take
     */
    private function __construct(
        public readonly bool $tls,
        public readonly string $host,
        public readonly int $port,
        #[\SensitiveParameter]
        public readonly ?string $token,
        public readonly ?string $ca,
        public readonly ?string $certificate,
        public readonly ?string $key,
        private readonly float $connectSeconds,
    ) {
    }

    /**
     * From `host:port`, `http://host:port` or `https://host:port`.
     *
     * @param string|null $token what the environment has as ROWFERRY_TOKEN by default
     */
    public static function parse(
        string $address,
        #[\SensitiveParameter]
        ?string $token = null,
        ?string $ca = null,
        ?string $certificate = null,
        ?string $key = null,
        float $connectSeconds = self::CONNECT_SECONDS,
    ): self {
        $url = str_contains($address, '://') ? $address : "http://$address";
        $parts = parse_url($url);
        $scheme = strtolower($parts['scheme'] ?? '');
        if (
            !isset($parts['host'], $parts['port']) || !\in_array($scheme, ['http', 'https'], true)
            || array_diff_key($parts, ['scheme' => 0, 'host' => 0, 'port' => 0]) !== []
        ) {
            throw Errors::of('INVALID_METADATA', 'the address can\'t be used', [
                'field' => 'address',
                'expected' => 'host:port, http://host:port or https://host:port',
            ]);
        }
        $token ??= getenv('ROWFERRY_TOKEN') ?: null;
        if (preg_match('/[\x00-\x1F\x7F]/', $token ?? '') === 1) {
            // A line break, which ends many a file, would begin another header field (RFC 9110 §5.5).
            throw Errors::of('INVALID_METADATA', 'the token can\'t be used', [
                'field' => 'token',
                'expected' => 'no line breaks and other control characters',
            ]);
        }
        $tls = $scheme === 'https';
        return new self($tls, $parts['host'], $parts['port'], $token, $ca, $certificate, $key, $connectSeconds);
    }

    /** The same for another node: `host:port`, or with a scheme. */
    public function at(string $address): self
    {
        $url = str_contains($address, '://') ? $address : ($this->tls ? 'https://' : 'http://') . $address;
        return self::parse($url, $this->token ?? '', $this->ca, $this->certificate, $this->key, $this->connectSeconds);
    }

    /** How long making a connection may take; to libcurl 0 would mean five minutes. */
    public function connectMilliseconds(): int
    {
        return max(1, (int) ceil(1000 * $this->connectSeconds));
    }

    /** Whether it is this machine: no proxy of the environment leads there. */
    public function isLoopback(): bool
    {
        return preg_match('/^(localhost|127(\.\d+){3}|\[::1])$/iD', $this->host) === 1;
    }

    public function url(string $path = ''): string
    {
        return ($this->tls ? 'https' : 'http') . "://{$this->host}:{$this->port}$path";
    }

    /** @return array<string, mixed> without what is secret */
    public function __debugInfo(): array
    {
        return ['url' => $this->url(), 'token' => $this->token === null ? null : '***'];
    }
}
