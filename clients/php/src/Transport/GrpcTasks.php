<?php

declare(strict_types=1);

namespace Rowferry\Transport;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\PulledExport;
use Rowferry\TaskFilter;
use Rowferry\TaskStatus;
use Rowferry\Wire\MalformedMessage;
use Rowferry\Wire\Requests;
use Rowferry\Wire\Responses;
use Rowferry\Wire\TaskMessages;

/** The calls about tasks, for whatever carries one gRPC message there and one back. */
trait GrpcTasks
{
    /** Carries a call of `rowferry.v1.ExportService`: one encoded message there, one back. */
    abstract private function unary(string $method, string $request, Deadline $deadline): string;

    public function create(PulledExport $export, Deadline $deadline): TaskStatus
    {
        return $this->ask('CreateExport', Requests::pulled($export), TaskMessages::status(...), $deadline);
    }

    public function status(string $taskId, Deadline $deadline): TaskStatus
    {
        return $this->ask('QueryTaskStatus', Requests::task($taskId), TaskMessages::status(...), $deadline);
    }

    public function list(TaskFilter $filter, string $pageToken, Deadline $deadline): TaskPage
    {
        return $this->ask('ListTasks', Requests::list($filter, $pageToken), Responses::page(...), $deadline);
    }

    public function cancel(string $taskId, string $reason, Deadline $deadline): TaskStatus
    {
        return $this->ask('CancelTask', Requests::task($taskId, $reason), TaskMessages::status(...), $deadline);
    }

    public function retry(string $taskId, Deadline $deadline): TaskStatus
    {
        return $this->ask('RetryTask', Requests::task($taskId), TaskMessages::status(...), $deadline);
    }

    public function delete(string $taskId, Deadline $deadline): TaskStatus
    {
        return $this->ask('DeleteExport', Requests::task($taskId), TaskMessages::status(...), $deadline);
    }

    /**
     * @template T
     * @param \Closure(string): T $decode
     * @return T
     */
    private function ask(string $method, string $request, \Closure $decode, Deadline $deadline): mixed
    {
        try {
            return $decode($this->unary($method, $request, $deadline));
        } catch (MalformedMessage $error) {
            throw Errors::notRowferry("what answers is no service: {$error->getMessage()}");
        }
    }
}
