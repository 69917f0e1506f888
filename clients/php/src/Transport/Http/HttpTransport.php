<?php

declare(strict_types=1);

namespace Rowferry\Transport\Http;

use Rowferry\Deadline;
use Rowferry\ExportMetadata;
use Rowferry\Format;
use Rowferry\PulledExport;
use Rowferry\TaskFilter;
use Rowferry\TaskState;
use Rowferry\TaskStatus;
use Rowferry\Transport\Address;
use Rowferry\Transport\ExportStream;
use Rowferry\Transport\TaskPage;
use Rowferry\Transport\TaskStates;
use Rowferry\Transport\Transport;

/**
 * The service's status port, usually 9091, over ext-curl: for where neither libcurl has HTTP/2 nor ext-grpc
 * is there, and for proxies that let HTTP/1.1 through only.
 */
final class HttpTransport implements Transport
{
    private readonly HttpConnection $connection;

    /** @param Address $address of the status port */
    public function __construct(private readonly Address $address)
    {
        $this->connection = new HttpConnection($address);
    }

    public function name(): string
    {
        return 'http';
    }

    public function address(): string
    {
        return $this->address->url();
    }

    /** Nodes name their gRPC doors: the status port is taken to be the same on each. */
    public function at(string $nodeAddress): Transport
    {
        $node = Address::parse($nodeAddress, '');
        return new self($this->address->at("$node->host:{$this->address->port}"));
    }

    public function open(ExportMetadata $metadata, Deadline $deadline): ExportStream
    {
        return new HttpStream($this->connection, $metadata);
    }

    public function create(PulledExport $export, Deadline $deadline): TaskStatus
    {
        $document = Documents::pulled($export);
        return Documents::task($this->connection->call('POST', '/v1/exports', $document, $deadline));
    }

    public function watch(string $taskId, Deadline $deadline): TaskStates
    {
        $target = '/v1/exports/' . rawurlencode($taskId) . '/events';
        $answer = $this->connection->begin('GET', $target, null, 'text/event-stream');
        return new HttpTaskStates($this->connection, $answer);
    }

    public function status(string $taskId, Deadline $deadline): TaskStatus
    {
        return $this->task('GET', $taskId, '', null, $deadline);
    }

    public function list(TaskFilter $filter, string $pageToken, Deadline $deadline): TaskPage
    {
        $document = $this->connection->call('GET', '/v1/exports?' . self::query($filter, $pageToken), null, $deadline);
        $tasks = array_map(Documents::task(...), $document['tasks'] ?? []);
        return new TaskPage($tasks, $document['next_page_token'] ?? '');
    }

    public function cancel(string $taskId, string $reason, Deadline $deadline): TaskStatus
    {
        return $this->task('POST', $taskId, '/cancel', ['reason' => $reason], $deadline);
    }

    public function retry(string $taskId, Deadline $deadline): TaskStatus
    {
        return $this->task('POST', $taskId, '/retry', null, $deadline);
    }

    public function delete(string $taskId, Deadline $deadline): TaskStatus
    {
        return $this->task('DELETE', $taskId, '', null, $deadline);
    }

    public function close(): void
    {
        $this->connection->close();
    }

    /** @param array<string, mixed>|null $document */
    private function task(
        string $method,
        string $taskId,
        string $action,
        ?array $document,
        Deadline $deadline,
    ): TaskStatus {
        $target = '/v1/exports/' . rawurlencode($taskId) . $action;
        return Documents::task($this->connection->call($method, $target, $document, $deadline));
    }

    private static function query(TaskFilter $filter, string $pageToken): string
    {
        $value = static fn (TaskState|Format $word): string => $word->value;
        $fields = [
            'states' => implode(',', array_map($value, $filter->states)),
            'formats' => implode(',', array_map($value, $filter->formats)),
            'filename_contains' => $filter->filenameContains,
            'owner' => $filter->owner,
            'created_after' => $filter->createdAfter?->format(Documents::TIME),
            'created_before' => $filter->createdBefore?->format(Documents::TIME),
            'page_size' => $filter->pageSize,
            'page_token' => $pageToken,
        ];
        return http_build_query(array_filter($fields, static fn (mixed $text): bool => $text !== '' && $text !== null));
    }
}
