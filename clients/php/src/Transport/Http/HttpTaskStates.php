<?php

declare(strict_types=1);

namespace Rowferry\Transport\Http;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\TaskStatus;
use Rowferry\Transport\TaskStates;

/**
 * The server-sent events of a task: docs/protocol.md, "Live progress".
 */
final class HttpTaskStates implements TaskStates
{
    private const EVENT = 'task';
    private const EVENT_BYTES = 16 << 20;

    private readonly EventStream $events;

    public function __construct(private readonly HttpConnection $connection, private readonly HttpExchange $answer)
    {
        $this->events = new EventStream(self::EVENT);
    }

    public function next(Deadline $deadline, float $waitSeconds): ?TaskStatus
    {
        $until = Deadline::now() + $waitSeconds;
        $this->connection->step($this->answer, $deadline, 0.0);
        while (($newest = $this->newest()) === null) {
            if ($this->answer->isAnswered()) {
                $this->throwTheEnd();
            }
            if (($left = $until - Deadline::now()) <= 0.0) {
                return null;
            }
            $deadline->check();
            $this->connection->step($this->answer, $deadline, $left);
        }
        return $newest;
    }

    public function close(): void
    {
        $this->connection->drop($this->answer);
    }

    private function newest(): ?TaskStatus
    {
        if (!$this->answer->isEventStream()) {
            return null;
        }
        $events = $this->events->take($this->answer->takeReceived());
        if ($this->events->heldBytes() > self::EVENT_BYTES) {
            throw Errors::notRowferry('what answers is no service: an event is too long');
        }
        if ($events === []) {
            return null;
        }
        $document = json_decode(end($events), true, 64);
        return Documents::task(\is_array($document) ? $document : []);
    }

    private function throwTheEnd(): never
    {
        $answer = $this->answer->answer();
        if (!$this->answer->isEventStream()) {
            $answer->document();
            throw Errors::notRowferry('what answers is no service: there are no events');
        }
        throw Errors::unreachable('the service ended the events before the task');
    }
}
