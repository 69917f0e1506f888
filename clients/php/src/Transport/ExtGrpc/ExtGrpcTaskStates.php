<?php

declare(strict_types=1);

namespace Rowferry\Transport\ExtGrpc;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\TaskStatus;
use Rowferry\Transport\TaskStates;
use Rowferry\Wire\MalformedMessage;
use Rowferry\Wire\Requests;
use Rowferry\Wire\TaskMessages;

/**
 * A `WatchTask` call by ext-grpc. Each state is waited for in C, longer than asked for, up to the caller's deadline:
 * see ExtGrpcCall.
 */
final class ExtGrpcTaskStates implements TaskStates
{
    private bool $isBegun = false;

    public function __construct(private readonly ExtGrpcCall $call, private readonly string $taskId)
    {
    }

    public function next(Deadline $deadline, float $waitSeconds): ?TaskStatus
    {
        $message = $this->isBegun
            ? $this->call->receive($deadline)
            : $this->call->beginAndEnd(Requests::task($this->taskId), $deadline);
        $this->isBegun = true;
        try {
            return TaskMessages::status($message);
        } catch (MalformedMessage $error) {
            throw Errors::notRowferry("what answers is no service: {$error->getMessage()}");
        }
    }

    public function close(): void
    {
        $this->call->close();
    }
}
