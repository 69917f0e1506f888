<?php

declare(strict_types=1);

namespace Rowferry;

use Psr\Log\LoggerInterface;
use Psr\Log\NullLogger;
use Rowferry\Exception\DeadlineExceededException;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\Resume\FirstContact;
use Rowferry\Resume\Outcome;
use Rowferry\Resume\ResumableStream;
use Rowferry\Resume\Retries;
use Rowferry\Resume\Silence;
use Rowferry\Resume\TaskWatch;
use Rowferry\Transport\Address;
use Rowferry\Transport\Chooser;
use Rowferry\Transport\Transport;

/**
 * A client of the service. It holds no connection of its own, so that it may be kept by a worker and
 * shared with processes that are forked; an Export belongs to the process that opened it.
 */
final class Rowferry
{
    private readonly FirstContact $contact;

    public function __construct(
        private readonly Transport $transport,
        private readonly RetryPolicy $retry = new RetryPolicy(),
        private readonly LoggerInterface $logger = new NullLogger(),
    ) {
        $this->contact = new FirstContact();
    }

    /**
     * @param string $address `host:port`, `http://host:port` or `https://host:port` of the gRPC door; for the
     *     transport `http`, of the HTTP door
     * @param string|null $token ROWFERRY_TOKEN of the environment by default
     * @param string|null $ca path of PEM certificates to trust instead of the system's
     * @param string|null $certificate path of a client certificate, PEM, with its `$key`
     * @param string|null $transport `curl`, `ext-grpc` or `http`; the first that is there by default
     */
    public static function connect(
        string $address,
        #[\SensitiveParameter]
        ?string $token = null,
        ?string $ca = null,
        ?string $certificate = null,
        ?string $key = null,
        ?string $transport = null,
        RetryPolicy $retry = new RetryPolicy(),
        LoggerInterface $logger = new NullLogger(),
    ): self {
        $parsed = Address::parse($address, $token, $ca, $certificate, $key, $retry->connectForSeconds);
        return new self(Chooser::choose($transport, $parsed), $retry, $logger);
    }

    /**
     * Sends all rows and waits for the file.
     *
     * With the id of an earlier request of the same content it goes on with that: rows that are kept are
     * skipped, of a file that is there the link comes at once.
     *
     * @param iterable<array<mixed>|\stdClass> $rows lists in the order of columns, or maps by their keys
     * @param iterable<int|string, Column|DataType|string> $columns see Column::listOf
     * @param string|null $requestId made if there is none; errors and results tell it
     * @param (callable(Progress): mixed)|null $onProgress false cancels the export
     * @param float|null $wait seconds for the file behind the last row: null = until a final state, 0 = not at all
     * @param float|null $deadlineSeconds for all of it; then DeadlineExceededException
     * @param float|null $idleSeconds without any progress, likewise
     */
    public function export(
        iterable $rows,
        iterable $columns,
        Format $format = Format::Xlsx,
        string $filename = 'export',
        ?string $requestId = null,
        ?ExportOptions $options = null,
        ?callable $onProgress = null,
        ?float $wait = null,
        ?float $deadlineSeconds = null,
        ?float $idleSeconds = null,
    ): ExportResult {
        $export = $this->open(
            $columns,
            $format,
            $filename,
            $requestId,
            $options,
            $onProgress,
            $wait,
            $deadlineSeconds,
            $idleSeconds,
        );
        try {
            $export->writeAll($rows);
            return $export->finish();
        } finally {
            $export->close();
        }
    }

    /**
     * Begins an export whose rows are written one by one; the parameters are those of `export`.
     *
     * @param iterable<int|string, Column|DataType|string> $columns
     * @param (callable(Progress): mixed)|null $onProgress
     */
    public function open(
        iterable $columns,
        Format $format = Format::Xlsx,
        string $filename = 'export',
        ?string $requestId = null,
        ?ExportOptions $options = null,
        ?callable $onProgress = null,
        ?float $wait = null,
        ?float $deadlineSeconds = null,
        ?float $idleSeconds = null,
    ): Export {
        $metadata = self::metadata($requestId, $format, $filename, $columns, $options, self::waitSeconds($wait));
        $report = new ProgressReport($metadata->requestId, $onProgress);
        $silence = new Silence($this->retry->silenceSeconds);
        $tick = static function () use ($report, $silence, &$stream, &$deadline): void {
            $open = $stream?->get();
            if ($open !== null) {
                $report->ofRows($open);
                $silence->check($open, $deadline->get());
            }
        };
        $patience = Deadline::after($deadlineSeconds, $idleSeconds, $tick);
        $resumable = new ResumableStream(
            $this->transport,
            $metadata,
            $this->retries(),
            $patience,
            $this->logger,
        );
        // Weak: whoever lets go of the export ends its connection then, not when cycles are collected.
        $stream = \WeakReference::create($resumable);
        $deadline = \WeakReference::create($patience);
        return new Export($resumable, $metadata, $patience, $report, $this->retry);
    }

    /**
     * Has the service make a file of rows that a data provider of its own has, and gives the task at once, as it is
     * by then: `wait` and `watch` say how it goes on. Nothing of it needs this process any more.
     *
     * @param string $provider its name in the service's configuration
     * @param array<string, mixed> $parameters what the provider's schema asks for, as JSON has it: days and moments
     *     are texts
     * @param iterable<int|string, Column|DataType|string> $columns none = the provider names them; else as many as it
     *     has
     * @param string|null $requestId made if there is none; the same again finds the same task
     * @param \DateTimeInterface|null $runAt when to begin; null = now
     */
    public function create(
        string $provider,
        array $parameters = [],
        iterable $columns = [],
        Format $format = Format::Xlsx,
        string $filename = 'export',
        ?string $requestId = null,
        ?ExportOptions $options = null,
        ?\DateTimeInterface $runAt = null,
    ): TaskStatus {
        $metadata = self::metadata($requestId, $format, $filename, $columns, $options);
        $export = new PulledExport($metadata, $provider, $parameters, $runAt);
        try {
            return $this->call(fn (Deadline $deadline): TaskStatus => $this->transport->create($export, $deadline));
        } catch (RowferryException $error) {
            throw $error->ofExport(null, $metadata->requestId);
        }
    }

    public function status(string $taskId): TaskStatus
    {
        return $this->call(fn (Deadline $deadline): TaskStatus => $this->transport->status($taskId, $deadline));
    }

    /**
     * Waits until a task is final, at most so many seconds, and gives its state then.
     *
     * Throws ExportFailedException if it ended without a file.
     *
     * @param (callable(TaskStatus): mixed)|null $onProgress false ends the waiting, not the task
     */
    public function wait(string $taskId, ?float $seconds = null, ?callable $onProgress = null): TaskStatus
    {
        foreach ($this->watch($taskId, $seconds) as $status) {
            if ($onProgress !== null && $onProgress($status) === false) {
                return $status;
            }
        }
        if ($status->isFinal() && $status->state !== TaskState::Completed) {
            throw Outcome::failure($status->result(), $status->requestId);
        }
        return $status;
    }

    /**
     * A task's states as the service tells of them, four times a second at most, until the final one. The first is
     * that of now; whoever is slow gets the newest, not those between.
     *
     * @param float|null $seconds then it ends in any state; null = at the final one only
     * @return \Generator<int, TaskStatus>
     */
    public function watch(string $taskId, ?float $seconds = null): \Generator
    {
        $watch = new TaskWatch(
            $this->transport,
            $taskId,
            $this->retries(),
            $this->logger,
            $this->retry->silenceSeconds,
        );
        $isTold = false;
        try {
            foreach ($watch->states(Deadline::after($seconds)) as $status) {
                yield $status;
                $isTold = true;
            }
        } catch (DeadlineExceededException) {
            if (!$isTold) {
                yield $this->status($taskId);
            }
        }
    }

    /**
     * The client's tasks, newest first; pages are asked for as far as it is read.
     *
     * @return \Generator<int, TaskStatus>
     */
    public function list(?TaskFilter $filter = null): \Generator
    {
        $filter ??= new TaskFilter();
        $token = '';
        do {
            $page = $this->call(fn (Deadline $deadline) => $this->transport->list($filter, $token, $deadline));
            foreach ($page->tasks as $task) {
                yield $task;
            }
            $token = $page->nextPageToken;
        } while ($token !== '');
    }

    /** Ends a task for good; its rows and parts of its file are deleted. */
    public function cancel(string $taskId, string $reason = ''): TaskStatus
    {
        return $this->call(fn (Deadline $deadline) => $this->transport->cancel($taskId, $reason, $deadline));
    }

    /** Tries a failed task again at once. */
    public function retry(string $taskId): TaskStatus
    {
        return $this->call(fn (Deadline $deadline) => $this->transport->retry($taskId, $deadline));
    }

    /** Deletes the file of a task. */
    public function delete(string $taskId): TaskStatus
    {
        return $this->call(fn (Deadline $deadline) => $this->transport->delete($taskId, $deadline));
    }

    /**
     * @template T
     * @param \Closure(Deadline): T $call
     * @return T
     */
    private function call(\Closure $call): mixed
    {
        try {
            return $this->retries()->call($call, Deadline::after($this->retry->callSeconds));
        } catch (DeadlineExceededException) {
            // Not the caller's time is over, but ours.
            throw Errors::unreachable("{$this->transport->address()} does not answer");
        }
    }

    private function retries(): Retries
    {
        return new Retries($this->retry, $this->contact);
    }

    /** @param iterable<int|string, Column|DataType|string> $columns */
    private static function metadata(
        ?string $requestId,
        Format $format,
        string $filename,
        iterable $columns,
        ?ExportOptions $options,
        int $waitSeconds = 0,
    ): ExportMetadata {
        return new ExportMetadata(
            $requestId ?? bin2hex(random_bytes(16)),
            $format,
            $filename,
            Column::listOf($columns),
            $options ?? new ExportOptions(),
            $waitSeconds,
        );
    }

    /** As ExportMetadata has it: 0 = until a final state, -1 = not at all. */
    private static function waitSeconds(?float $wait): int
    {
        return match (true) {
            $wait === null => 0,
            $wait <= 0.0 => -1,
            default => (int) ceil($wait),
        };
    }
}
