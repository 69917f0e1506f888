<?php

declare(strict_types=1);

namespace Rowferry\Transport;

use Rowferry\Deadline;
use Rowferry\TaskStatus;

/**
 * One connection on which the service tells how a task gets on. A method that throws has ended it: only
 * `close` may follow.
 */
interface TaskStates
{
    /**
     * The newest state that was told since the last call, at first the one that the task is in. Null: there was none
     * within `$waitSeconds`. Throws UnreachableException at the end of the connection; behind a final state nothing is
     * asked for.
     */
    public function next(Deadline $deadline, float $waitSeconds): ?TaskStatus;

    /** Ends the connection, whatever its state; may be called again. */
    public function close(): void;
}
