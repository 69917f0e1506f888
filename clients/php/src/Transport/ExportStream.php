<?php

declare(strict_types=1);

namespace Rowferry\Transport;

use Rowferry\Deadline;
use Rowferry\ExportResult;
use Rowferry\Rows\Batch;

/**
 * One connection of one export. A method that throws has ended it: only `close` may follow.
 */
interface ExportStream
{
    /** Waits for the service's first answer. */
    public function created(Deadline $deadline): Created;

    /**
     * Takes a batch; waits while more than about a megabyte would be under way.
     */
    public function send(Batch $batch, Deadline $deadline): void;

    /**
     * The newest acknowledgement, null before the first. With `$waitSeconds` it waits so long at most for
     * a newer one than it gave before.
     */
    public function acknowledged(Deadline $deadline, float $waitSeconds = 0.0): ?Ack;

    /** Says that there are no more rows; their number is checked unless it is 0. */
    public function finish(int $expectedRows, Deadline $deadline): void;

    /**
     * The answer behind the rows, as `metadata.waitSeconds` asked for it. Null: not within `$waitSeconds`.
     */
    public function result(Deadline $deadline, float $waitSeconds): ?ExportResult;

    /** Ends the connection, whatever its state; may be called again. */
    public function close(): void;
}
