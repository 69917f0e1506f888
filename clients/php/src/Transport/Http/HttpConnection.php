<?php

declare(strict_types=1);

namespace Rowferry\Transport\Http;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\Transport\Address;
use Rowferry\Wire\Json;

/**
 * HTTP/1.1 with the service: connections that are kept, and the requests on them.
 */
final class HttpConnection
{
    /** The longest wait between two looks at the caller's deadline. */
    private const STEP_SECONDS = 0.25;
    private const UPLOAD_PIECE_BYTES = 512 << 10;

    private ?\CurlMultiHandle $multi = null;
    /** @var array<int, HttpExchange> by the number of their handle's object */
    private array $exchanges = [];

    private int $processId = 0;

    public function __construct(private readonly Address $address)
    {
    }

    /**
     * Makes a request and waits for its answer.
     *
     * @param array<string, mixed>|null $document the body, as JSON
     * @return array<string, mixed> the answer's JSON
     */
    public function call(string $method, string $target, ?array $document, Deadline $deadline): array
    {
        return $this->wait($this->begin($method, $target, $document), $deadline)->document();
    }

    /**
     * Begins a request.
     *
     * @param array<string, mixed>|null $document the body, as JSON
     * @param string $accept the type of the answer that is asked for
     */
    public function begin(
        string $method,
        string $target,
        ?array $document,
        string $accept = 'application/json',
    ): HttpExchange {
        $options = [CURLOPT_CUSTOMREQUEST => $method];
        if ($document !== null) {
            $options[CURLOPT_POSTFIELDS] = self::json($document);
        }
        $fields = $document === null ? [] : ['Content-Type: application/json'];
        return $this->start($this->exchange($target, ["Accept: $accept", ...$fields], $options));
    }

    /** Begins a PUT whose body is written by and by. */
    public function beginBody(string $target, string $contentType): HttpExchange
    {
        $exchange = $this->exchange($target, [
            'Accept: application/json',
            "Content-Type: $contentType",
            'Transfer-Encoding: chunked',
        ]);
        $exchange->openBody();
        return $this->start($exchange);
    }

    /** Waits for the answer. */
    public function wait(HttpExchange $exchange, Deadline $deadline): HttpAnswer
    {
        while (!$exchange->isAnswered()) {
            $deadline->check();
            $this->step($exchange, $deadline, self::STEP_SECONDS);
        }
        return $exchange->answer();
    }

    /** Lets bytes move, for so long at most. */
    public function step(HttpExchange $exchange, Deadline $deadline, float $seconds): void
    {
        $moved = $exchange->position();
        $this->run();
        if (!$exchange->isAnswered() && $exchange->position() === $moved) {
            curl_multi_select($this->multi(), $deadline->remainingSeconds(min($seconds, self::STEP_SECONDS)));
            $this->run();
        }
        if ($exchange->isAnswered() || $exchange->position() !== $moved) {
            $deadline->progressed();
        }
    }

    /** Forgets a request; an unfinished one closes its connection. */
    public function drop(HttpExchange $exchange): void
    {
        if (isset($this->exchanges[spl_object_id($exchange->handle)])) {
            unset($this->exchanges[spl_object_id($exchange->handle)]);
            curl_multi_remove_handle($this->multi(), $exchange->handle);
        }
    }

    public function close(): void
    {
        foreach ($this->exchanges as $exchange) {
            $this->drop($exchange);
        }
        if ($this->multi !== null) {
            curl_multi_close($this->multi);
            $this->multi = null;
        }
    }

    /**
     * @param list<string> $fields of the header
     * @param array<int, mixed> $options of curl
     */
    private function exchange(string $target, array $fields, array $options = []): HttpExchange
    {
        // Without the first libcurl waits a second for HTTP/1.1's 100-continue.
        array_push($fields, 'Expect:', 'User-Agent: rowferry-php/' . PHP_VERSION);
        if (($this->address->token ?? '') !== '') {
            $fields[] = "Authorization: Bearer {$this->address->token}";
        }
        $trust = [
            CURLOPT_CAINFO => $this->address->ca,
            CURLOPT_SSLCERT => $this->address->certificate,
            CURLOPT_SSLKEY => $this->address->key,
        ];
        $chosen = $options + [
            CURLOPT_URL => $this->address->url($target),
            CURLOPT_HTTPHEADER => $fields,
            CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_CONNECTTIMEOUT_MS => $this->address->connectMilliseconds(),
            CURLOPT_NOSIGNAL => true,
            CURLOPT_TCP_KEEPALIVE => true,
        ] + self::uploadOptions() + $this->proxyOptions() + array_filter($trust, \is_string(...));
        return new HttpExchange($chosen, $this->address->url());
    }

    /** @return array<int, mixed> PHP knows the option since 8.2 */
    private static function uploadOptions(): array
    {
        return \defined('CURLOPT_UPLOAD_BUFFERSIZE') ? [CURLOPT_UPLOAD_BUFFERSIZE => self::UPLOAD_PIECE_BYTES] : [];
    }

    /** @return array<int, mixed> */
    private function proxyOptions(): array
    {
        return $this->address->isLoopback() ? [CURLOPT_NOPROXY => '*'] : [];
    }

    /** @param array<string, mixed> $document */
    private static function json(array $document): string
    {
        try {
            return Json::encode((object) $document);
        } catch (\JsonException) {
            throw Errors::of('INVALID_METADATA', 'a text of the request is not UTF-8');
        }
    }

    private function start(HttpExchange $exchange): HttpExchange
    {
        curl_multi_add_handle($this->multi(), $exchange->handle);
        $this->exchanges[spl_object_id($exchange->handle)] = $exchange;
        $this->run();
        return $exchange;
    }

    private function run(): void
    {
        $multi = $this->multi();
        curl_multi_exec($multi, $running);
        while (($message = curl_multi_info_read($multi)) !== false) {
            $exchange = $this->exchanges[spl_object_id($message['handle'])] ?? null;
            if ($exchange !== null) {
                $exchange->ended($message['result']);
                $this->drop($exchange);
            }
        }
    }

    private function multi(): \CurlMultiHandle
    {
        if ($this->processId !== getmypid()) {
            // In a forked child the connections are the parent's.
            $this->processId = getmypid();
            $this->exchanges = [];
            $this->multi = curl_multi_init();
        }
        return $this->multi ??= curl_multi_init();
    }
}
