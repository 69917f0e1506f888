<?php

declare(strict_types=1);

namespace Rowferry\Tests\Memory;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\TaskStatus;
use Rowferry\Transport\TaskStates;

/**
 * A connection that tells what a test has written down, and breaks behind that.
 */
final class ToldStates implements TaskStates
{
    public bool $isClosed = false;

    /** @param list<\Closure(): ?TaskStatus> $told null = nothing came for a while */
    public function __construct(private array $told)
    {
    }

    public function next(Deadline $deadline, float $waitSeconds): ?TaskStatus
    {
        if ($this->isClosed) {
            throw new \LogicException('a closed connection was used');
        }
        $deadline->check();
        $next = array_shift($this->told);
        return $next === null ? throw Errors::unreachable('cut') : $next();
    }

    public function close(): void
    {
        $this->isClosed = true;
    }
}
