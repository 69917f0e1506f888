<?php

declare(strict_types=1);

namespace Rowferry\Tests\Unit;

use PHPUnit\Framework\TestCase;
use Rowferry\Exception\Errors;
use Rowferry\Exception\NotFoundException;
use Rowferry\Exception\UnreachableException;
use Rowferry\RetryPolicy;
use Rowferry\Rowferry;
use Rowferry\TaskState;
use Rowferry\TaskStatus;
use Rowferry\Tests\Memory\MemoryService;
use Rowferry\Tests\Memory\ToldStates;

final class TaskWatchTest extends TestCase
{
    private MemoryService $service;

    protected function setUp(): void
    {
        $this->service = new MemoryService();
    }

    public function testStatesComeOnOneConnectionUntilTheFinalOne(): void
    {
        $connection = $this->connection(TaskState::Queued, null, TaskState::Processing, TaskState::Completed);
        self::assertSame(['QUEUED', 'PROCESSING', 'COMPLETED'], $this->states($this->client()));
        self::assertSame(['watch'], $this->service->calls);
        self::assertTrue($connection->isClosed);
    }

    public function testBehindACutItGoesOnAndTellsNothingTwice(): void
    {
        $this->connection(TaskState::Queued, TaskState::Processing);
        $this->connection(TaskState::Processing);
        $this->connection(TaskState::Processing, TaskState::Uploading, TaskState::Completed);
        self::assertSame(['QUEUED', 'PROCESSING', 'UPLOADING', 'COMPLETED'], $this->states($this->client()));
        self::assertSame(['watch', 'watch', 'watch'], $this->service->calls);
    }

    public function testAFailureThatIsTriedAgainIsNotTheEnd(): void
    {
        $this->connection(TaskState::Failed, TaskState::Completed);
        self::assertSame(['FAILED', 'COMPLETED'], $this->states($this->client()));
    }

    public function testWhoeverLeavesClosesTheConnection(): void
    {
        $connection = $this->connection(TaskState::Queued, TaskState::Processing);
        foreach ($this->client()->watch(MemoryService::TASK) as $status) {
            self::assertSame(TaskState::Queued, $status->state);
            break;
        }
        self::assertTrue($connection->isClosed);
    }

    public function testAConnectionThatKeepsTheEndToItselfIsLeft(): void
    {
        $connection = $this->connection(TaskState::Processing, null, null);
        $this->service->state = TaskState::Completed;
        self::assertSame(['PROCESSING', 'COMPLETED'], $this->states($this->client(silenceSeconds: 0.0)));
        self::assertSame(['watch', 'status'], $this->service->calls);
        self::assertTrue($connection->isClosed);
    }

    public function testAConnectionOnWhichNothingHappensIsKept(): void
    {
        $this->connection(TaskState::Queued, null, null, TaskState::Completed);
        $this->service->statuses = [self::status(TaskState::Queued), self::status(TaskState::Queued)];
        self::assertSame(['QUEUED', 'COMPLETED'], $this->states($this->client(silenceSeconds: 0.0)));
        self::assertSame(['watch', 'status', 'status'], $this->service->calls);
    }

    public function testAConnectionToNobodyIsMadeAnew(): void
    {
        $silent = $this->connection(null, null);
        $this->connection(TaskState::Completed);
        self::assertSame(['COMPLETED'], $this->states($this->client(silenceSeconds: 0.0)));
        self::assertTrue($silent->isClosed);
    }

    public function testAServiceThatIsGoneIsUnreachable(): void
    {
        $this->connection(null);
        $client = new Rowferry($this->service, new RetryPolicy(retryForSeconds: 0.0, silenceSeconds: 0.0));
        $this->expectException(UnreachableException::class);
        $this->expectExceptionMessage('memory does not answer');
        $this->states($client);
    }

    public function testATaskThatIsNotThereIsNotWaitedFor(): void
    {
        $this->service->watches = [new ToldStates([self::failure('NOT_FOUND')])];
        $this->expectException(NotFoundException::class);
        $this->states($this->client());
    }

    public function testTheTimeThatIsGivenEndsItInAnyState(): void
    {
        $over = self::failure('DEADLINE_EXCEEDED');
        $this->service->watches = [new ToldStates([$over])];
        $this->service->state = TaskState::Processing;
        self::assertSame(['PROCESSING'], $this->states($this->client()));
        self::assertSame(['PROCESSING'], $this->states($this->client(), seconds: 0.0));
        $queued = self::status(TaskState::Queued);
        $this->service->watches = [new ToldStates([static fn (): TaskStatus => $queued, $over])];
        self::assertSame($queued, $this->client()->wait(MemoryService::TASK, 60.0));
    }

    private function client(float $silenceSeconds = 30.0): Rowferry
    {
        return new Rowferry($this->service, new RetryPolicy(silenceSeconds: $silenceSeconds));
    }

    private function connection(?TaskState ...$told): ToldStates
    {
        $status = static fn (?TaskState $state) => static fn () => $state === null ? null : self::status($state);
        return $this->service->watches[] = new ToldStates(array_map($status, array_values($told)));
    }

    /** @return \Closure(): never */
    private static function failure(string $code): \Closure
    {
        return static function () use ($code): never {
            throw Errors::of($code, 'so the test has it');
        };
    }

    private static function status(TaskState $state): TaskStatus
    {
        $next = $state === TaskState::Failed ? new \DateTimeImmutable('2026-12-01') : null;
        return new TaskStatus(MemoryService::TASK, $state, nextAttemptTime: $next);
    }

    /** @return list<string> */
    private function states(Rowferry $client, ?float $seconds = null): array
    {
        $states = [];
        foreach ($client->watch(MemoryService::TASK, $seconds) as $status) {
            $states[] = $status->state->value;
        }
        return $states;
    }
}
