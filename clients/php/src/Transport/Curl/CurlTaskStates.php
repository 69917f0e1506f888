<?php

declare(strict_types=1);

namespace Rowferry\Transport\Curl;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\TaskStatus;
use Rowferry\Transport\TaskStates;
use Rowferry\Wire\MalformedMessage;
use Rowferry\Wire\TaskMessages;

/**
 * A `WatchTask` call.
 */
final class CurlTaskStates implements TaskStates
{
    /** @param GrpcCall $call with its request on the way */
    public function __construct(private readonly GrpcCall $call)
    {
    }

    public function next(Deadline $deadline, float $waitSeconds): ?TaskStatus
    {
        $until = Deadline::now() + $waitSeconds;
        $this->call->move($deadline, 0.0);
        while (($newest = $this->newest()) === null) {
            if ($this->call->isOver()) {
                throw $this->call->refusal() ?? Errors::unreachable('the service ended the call before the task');
            }
            if (($left = $until - Deadline::now()) <= 0.0) {
                return null;
            }
            $this->call->move($deadline, $left);
        }
        return $newest;
    }

    public function close(): void
    {
        $this->call->close();
    }

    private function newest(): ?TaskStatus
    {
        $newest = null;
        while (($message = $this->call->message()) !== null) {
            $newest = $message;
        }
        try {
            return $newest === null ? null : TaskMessages::status($newest);
        } catch (MalformedMessage $error) {
            throw Errors::notRowferry("what answers is no service: {$error->getMessage()}");
        }
    }
}
