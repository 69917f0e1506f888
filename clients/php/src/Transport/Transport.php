<?php

declare(strict_types=1);

namespace Rowferry\Transport;

use Rowferry\Deadline;
use Rowferry\ExportMetadata;
use Rowferry\PulledExport;
use Rowferry\TaskFilter;
use Rowferry\TaskStatus;

/**
 * A way to the service. Batching, resume, retries and progress are above it.
 *
 * Every method may wait; while it does it calls `$deadline->check()` at least every 250 ms, which
 * throws when the caller's patience is over or he gave up. Refusals of the service are thrown as
 * the class of their code (Exception\Errors), a connection that can't be made or breaks as
 * UnreachableException. Nothing is tried again here.
 */
interface Transport
{
    /** `curl`, `ext-grpc` or `http`: for the log. */
    public function name(): string;

    /** Where it leads: for messages. */
    public function address(): string;

    /** The same way to another node, named as WRONG_NODE does: `host:port`. */
    public function at(string $nodeAddress): self;

    /**
     * Begins an export, or goes on with one: the same metadata again does.
     */
    public function open(ExportMetadata $metadata, Deadline $deadline): ExportStream;

    /** Has the service make a file of rows that a data provider of its own has; gives the task as it is at first. */
    public function create(PulledExport $export, Deadline $deadline): TaskStatus;

    /** A task's states as the service tells of them; nothing is waited for yet. */
    public function watch(string $taskId, Deadline $deadline): TaskStates;

    public function status(string $taskId, Deadline $deadline): TaskStatus;

    public function list(TaskFilter $filter, string $pageToken, Deadline $deadline): TaskPage;

    public function cancel(string $taskId, string $reason, Deadline $deadline): TaskStatus;

    public function retry(string $taskId, Deadline $deadline): TaskStatus;

    public function delete(string $taskId, Deadline $deadline): TaskStatus;

    /** Lets go of connections; a later call makes them again. */
    public function close(): void;
}
