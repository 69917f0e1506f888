<?php

declare(strict_types=1);

namespace Rowferry\Tests\Unit;

use PHPUnit\Framework\TestCase;
use Psr\Log\AbstractLogger;
use Rowferry\Exception\CancelledException;
use Rowferry\Exception\ConflictException;
use Rowferry\Exception\DeadlineExceededException;
use Rowferry\Exception\Errors;
use Rowferry\Exception\ExportFailedException;
use Rowferry\Exception\InvalidRequestException;
use Rowferry\Exception\InvalidRowException;
use Rowferry\Exception\LimitedException;
use Rowferry\Exception\RowferryException;
use Rowferry\Exception\UnreachableException;
use Rowferry\ExportResult;
use Rowferry\Format;
use Rowferry\Progress;
use Rowferry\RetryPolicy;
use Rowferry\Rowferry;
use Rowferry\Rows\Batch;
use Rowferry\TaskState;
use Rowferry\Tests\Memory\MemoryService;

final class ExportTest extends TestCase
{
    private const ROWS = 20000;
    private const BATCHES = 12;

    private MemoryService $service;

    protected function setUp(): void
    {
        $this->service = new MemoryService();
    }

    private function client(float $retryForSeconds = 60.0): Rowferry
    {
        return new Rowferry($this->service, new RetryPolicy(retryForSeconds: $retryForSeconds));
    }

    /** @return \Generator<int, array{int, string}> */
    private static function rows(): \Generator
    {
        for ($row = 1; $row <= self::ROWS; $row++) {
            yield [$row, str_repeat('x', 150)];
        }
    }

    private function export(mixed ...$more): ExportResult
    {
        return $this->client()->export(self::rows(), ['n', 'text'], Format::Csv, 'file', ...$more);
    }

    private function assertAllRowsOnce(): void
    {
        self::assertSame(range(1, self::ROWS), array_column($this->service->cells(), 0));
    }

    public function testRowsArriveOnceAndInOrder(): void
    {
        $result = $this->export(requestId: 'orders');
        $this->assertAllRowsOnce();
        self::assertSame(['open', 'finish ' . self::ROWS], $this->service->calls);
        self::assertSame([TaskState::Completed, 'orders', self::ROWS, 'http://link'], [
            $result->state,
            $result->requestId,
            $result->recordCount,
            $result->url,
        ]);
        self::assertGreaterThanOrEqual(self::BATCHES, \count($this->service->batches));
    }

    public function testARequestIdIsMadeIfThereIsNone(): void
    {
        self::assertMatchesRegularExpression('/^[0-9a-f]{32}$/', $this->export()->requestId);
    }

    /** @return iterable<string, array{bool, bool}> */
    public static function waysToBreak(): iterable
    {
        yield 'the last batch is lost' => [false, false];
        yield 'the last batch is kept, unheard' => [true, false];
        yield 'nothing was acknowledged' => [false, true];
    }

    /** @dataProvider waysToBreak */
    public function testBrokenConnectionsLoseAndDoubleNothing(bool $keepsTheLast, bool $lazyAcks): void
    {
        $this->service->breaks = [0, 1, 3, 2];
        $this->service->keepsTheLast = $keepsTheLast;
        $this->service->lazyAcks = $lazyAcks;
        $reconnects = 0;
        $this->export(onProgress: static function (Progress $progress) use (&$reconnects): void {
            $reconnects = $progress->reconnects;
        });
        $this->assertAllRowsOnce();
        self::assertSame(4, $reconnects);
    }

    public function testReconnectsAreLogged(): void
    {
        $logger = new class extends AbstractLogger {
            /** @var list<array{mixed, array<mixed>}> */
            public array $logged = [];

            public function log($level, $message, array $context = []): void
            {
                $this->logged[] = [$level, $context];
            }
        };
        $this->service->breaks = [2];
        (new Rowferry($this->service, logger: $logger))->export(self::rows(), ['n', 'text'], requestId: 'r');
        [[$level, $context]] = $logger->logged;
        self::assertSame('warning', $level);
        self::assertSame(['UNREACHABLE', 'r', MemoryService::TASK], [
            $context['code'],
            $context['request_id'],
            $context['task_id'],
        ]);
    }

    public function testMemoryOfWhatIsNotAcknowledgedIsBounded(): void
    {
        $this->service->lazyAcks = true;
        $this->export();
        $this->assertAllRowsOnce();
    }

    public function testAWrongNodeNamesTheRightOne(): void
    {
        $this->service->refusals[] = static fn () => Errors::of('WRONG_NODE', '', ['node_address' => 'b:1']);
        $this->export();
        self::assertSame(['open', 'at b:1', 'open'], \array_slice($this->service->calls, 0, 3));
    }

    public function testAServiceThatStaysAwayIsGivenUp(): void
    {
        $this->service->refusals = array_fill(0, 1000, static fn () => Errors::unreachable('refused'));
        $this->expectException(UnreachableException::class);
        $this->client(retryForSeconds: 0.3)->export(self::rows(), ['n', 'text']);
    }

    public function testWhatTheServiceAsksToWaitIsNotWaitedForLongerThanTheCallerDoes(): void
    {
        $this->service->refusals[] = static fn () => Errors::of('RATE_LIMITED', '', ['retry_after_seconds' => '61']);
        $this->expectException(LimitedException::class);
        $this->export();
    }

    public function testARefusalForGoodIsThrownAtOnceAndNamesTheRequest(): void
    {
        $this->service->refusals[] = static fn () => Errors::of('INVALID_METADATA', 'no', ['field' => 'columns']);
        try {
            $this->export(requestId: 'r');
            self::fail('it was taken');
        } catch (InvalidRequestException $error) {
            self::assertSame(['r', 'columns'], [$error->requestId, $error->context['field']]);
        }
        self::assertSame(['open'], $this->service->calls);
    }

    public function testTheSameRequestAgainSkipsRowsThatAreKept(): void
    {
        $export = $this->client()->open(['n', 'text'], requestId: 'r');
        foreach (self::rows() as [$row, $text]) {
            if ($row > 7000) {
                break;
            }
            $export->write([$row, $text]);
        }
        $export->flush();
        $export->close();
        $kept = $this->service->rows();
        $this->export(requestId: 'r');
        self::assertSame(7000, $kept);
        $this->assertAllRowsOnce();
    }

    public function testRowsThatAreMissingTheSecondTimeAreNoticed(): void
    {
        $first = $this->client()->open(['n']);
        $first->write([1]);
        $first->write([2]);
        $first->flush();
        $this->expectException(ConflictException::class);
        $this->client()->export([[1]], ['n']);
    }

    public function testOfAnExportThatIsThereNoRowIsDrawn(): void
    {
        $this->service->rowsEnded = true;
        $this->service->state = TaskState::Completed;
        $rows = (static function (): \Generator {
            yield throw new \LogicException('a row was drawn');
        })();
        self::assertSame('http://link', $this->client()->export($rows, ['n'])->url);
        self::assertSame(['open'], $this->service->calls);
    }

    public function testATaskThatFailedInTheMiddleIsThrownThen(): void
    {
        $export = $this->client()->open(['n'], requestId: 'r');
        $this->service->state = TaskState::Failed;
        $this->service->errorCode = 'ROW_LIMIT';
        $export->write([1]);
        try {
            $export->flush();
            self::fail('nobody noticed');
        } catch (ExportFailedException $error) {
            self::assertSame(['ROW_LIMIT', MemoryService::TASK, 'r'], [
                $error->errorCode,
                $error->taskId,
                $error->requestId,
            ]);
        }
    }

    public function testATaskThatEndedBetweenTwoConnectionsTellsWhy(): void
    {
        $this->service->breaks = [1];
        $this->service->refusals = [null, static fn () => Errors::of('INVALID_STATE', 'it is FAILED')];
        $this->service->statuses = [
            new \Rowferry\TaskStatus(MemoryService::TASK, TaskState::Failed, errorCode: 'UPLOAD_FAILED'),
        ];
        try {
            $this->export();
            self::fail('nobody noticed');
        } catch (ExportFailedException $error) {
            self::assertSame('UPLOAD_FAILED', $error->errorCode);
        }
    }

    public function testAStreamThatDiedInSilenceBehindTheRowsIsNoticedByTheState(): void
    {
        $this->service->losesTheEnd = true;
        $client = new Rowferry($this->service, new RetryPolicy(silenceSeconds: 0.0));
        $client->export(self::rows(), ['n', 'text']);
        $this->assertAllRowsOnce();
        self::assertContains('status', $this->service->calls);
        self::assertCount(2, array_keys($this->service->calls, 'open'));
    }

    public function testAStreamThatTheServiceGaveUpIsTakenUpAgain(): void
    {
        $this->service->losesTheEnd = true;
        $this->service->statuses = [
            new \Rowferry\TaskStatus(MemoryService::TASK, TaskState::Failed, errorCode: 'STREAM_LOST'),
        ];
        $states = [];
        (new Rowferry($this->service, new RetryPolicy(lookSeconds: 0.0)))->export(
            self::rows(),
            ['n', 'text'],
            onProgress: static function (Progress $progress) use (&$states): void {
                $states[] = $progress->status?->state;
            },
        );
        $this->assertAllRowsOnce();
        self::assertContains(TaskState::Failed, $states);
    }

    public function testSilenceOfALivingServiceIsOnlySlowness(): void
    {
        $this->service->silentChecks = 3;
        $client = new Rowferry($this->service, new RetryPolicy(silenceSeconds: 0.0));
        $client->export(self::rows(), ['n', 'text']);
        $this->assertAllRowsOnce();
        self::assertCount(1, array_keys($this->service->calls, 'open'));
    }

    public function testSilenceOfADeadServiceIsABrokenConnection(): void
    {
        $this->service->silentChecks = 3;
        $this->service->statusRefusals[] = static fn () => Errors::unreachable('nobody answers');
        $client = new Rowferry($this->service, new RetryPolicy(silenceSeconds: 0.0));
        $client->export(self::rows(), ['n', 'text']);
        $this->assertAllRowsOnce();
        self::assertCount(2, array_keys($this->service->calls, 'open'));
    }

    public function testAServiceThatDoesNotAnswerIsNotTheCallersDeadline(): void
    {
        $this->service->silentChecks = 3;
        $this->service->statusRefusals[] = static fn () => Errors::of('DEADLINE_EXCEEDED', 'of the client itself');
        $client = new Rowferry($this->service, new RetryPolicy(silenceSeconds: 0.0));
        $client->export(self::rows(), ['n', 'text']);
        $this->assertAllRowsOnce();
    }

    public function testACallThatIsNotAnsweredIsUnreachable(): void
    {
        $this->service->statusRefusals[] = static fn () => Errors::of('DEADLINE_EXCEEDED', 'of the client itself');
        $this->expectException(UnreachableException::class);
        $this->client()->status(MemoryService::TASK);
    }

    /** @return iterable<string, array{\Closure(MemoryService): mixed}> */
    public static function otherRows(): iterable
    {
        yield 'lost' => [static fn (MemoryService $service) => $service->batches = []];
        yield 'more' => [static fn (MemoryService $service) => $service->keep(new Batch(3, 7, '[]'))];
        yield 'of another length' => [static fn (MemoryService $service) => $service->keep(new Batch(2, 7, '[]'))];
    }

    /**
     * @dataProvider otherRows
     * @param \Closure(MemoryService): mixed $change of what the service has while the connection is broken
     */
    public function testRowsOfAnotherProcessAreNotMixedWithOurs(\Closure $change): void
    {
        $export = $this->client()->open(['n'], requestId: 'r');
        foreach ([1, 2] as $row) {
            $export->write([$row]);
            $export->flush();
        }
        $this->service->refusals[] = function () use ($change): RowferryException {
            $change($this->service);
            return Errors::unreachable('cut');
        };
        $this->service->breaks = [0];
        (fn () => $this->stream->close())->call($export);
        $export->write([3]);
        $this->expectException(ConflictException::class);
        $export->flush();
    }

    public function testWhatACallbackThrowsLosesNoBatch(): void
    {
        $this->service->maxMessageBytes = 1000;
        $told = 0;
        $export = $this->client()->open(['text'], onProgress: static function () use (&$told): void {
            if (++$told === 1) {
                throw new \DomainException('of the callback');
            }
        });
        // Each control character takes six bytes: the rows are more than one message.
        foreach (range(1, 9) as $_) {
            $export->write([str_repeat("\x01", 40)]);
        }
        try {
            $export->flush();
            self::fail('the callback was not called');
        } catch (\DomainException) {
            self::assertSame(9, $export->finish()->recordCount);
        }
    }

    public function testCancellingIsTriedAgain(): void
    {
        $this->service->cancelRefusals = [static fn () => Errors::unreachable('cut')];
        $this->client()->open(['n'])->cancel('enough');
        self::assertSame(TaskState::Cancelled, $this->service->state);
        self::assertSame(['open', 'cancel enough', 'cancel enough'], $this->service->calls);
    }

    public function testTheServiceHasItsTimeToCancelNotTheCaller(): void
    {
        $this->service->cancelRefusals = [static fn () => Errors::of(Errors::DEADLINE_EXCEEDED, 'over')];
        $this->expectExceptionMessage('memory does not answer');
        $this->client()->open(['n'])->cancel();
    }

    public function testBehindWhatACallbackThrowsIsANewConnection(): void
    {
        $fails = true;
        $export = $this->client()->open(['text'], onProgress: static function () use (&$fails): void {
            if ($fails) {
                $fails = false;
                throw new \DomainException('of the callback');
            }
        });
        $this->service->silentChecks = 1;
        $export->write(['x']);
        try {
            $export->flush();
            self::fail('the callback was not called');
        } catch (\DomainException) {
            $export->finish();
        }
        self::assertSame([['x']], $this->service->cells());
        self::assertSame(['open', 'open', 'finish 1'], $this->service->calls);
    }

    public function testACallbackThatReturnsFalseCancels(): void
    {
        $rowsSent = 0;
        try {
            $this->export(onProgress: static function (Progress $progress) use (&$rowsSent): bool {
                $rowsSent = $progress->rowsSent;
                return $rowsSent === 0;
            });
            self::fail('it went on');
        } catch (CancelledException $error) {
            self::assertSame([MemoryService::TASK, 'CANCELLED'], [$error->taskId, $error->errorCode]);
        }
        self::assertContains('cancel cancelled by the client', $this->service->calls);
    }

    public function testTheCallersTimeEndsTheWaiting(): void
    {
        $this->expectException(DeadlineExceededException::class);
        $this->export(deadlineSeconds: 0.0);
    }

    public function testABadRowLeavesTheExportOpen(): void
    {
        $export = $this->client()->open(['n'], requestId: 'r');
        try {
            $export->write([['a list']]);
            self::fail('it was taken');
        } catch (InvalidRowException $error) {
            self::assertSame(['1', 'r'], [$error->context['row'], $error->requestId]);
        }
        $export->write([1]);
        self::assertSame(1, $export->finish()->recordCount);
    }

    public function testAClosedExportTakesNothing(): void
    {
        $export = $this->client()->open(['n']);
        $export->close();
        $this->expectException(\LogicException::class);
        $export->finish();
    }

    /** @return iterable<string, array{float|null, int}> */
    public static function waits(): iterable
    {
        yield 'until a final state' => [null, 0];
        yield 'not at all' => [0.0, -1];
        yield 'a while' => [2.5, 3];
    }

    /** @dataProvider waits */
    public function testWait(?float $wait, int $waitSeconds): void
    {
        $this->export(wait: $wait);
        self::assertSame($waitSeconds, $this->service->metadata->waitSeconds);
    }

    public function testListsGoOnOverAllPages(): void
    {
        $ids = array_column(iterator_to_array($this->client()->list(), false), 'taskId');
        self::assertSame(['task-0', 'task-1', 'task-2'], $ids);
        self::assertSame(['list ', 'list 1', 'list 2'], $this->service->calls);
    }

    public function testWaitEndsOnAFinalStateOnly(): void
    {
        $retried = new \Rowferry\TaskStatus(
            MemoryService::TASK,
            TaskState::Failed,
            nextAttemptTime: new \DateTimeImmutable(),
        );
        $this->service->statuses = [$retried];
        $this->service->state = TaskState::Completed;
        self::assertSame(TaskState::Completed, $this->client()->wait(MemoryService::TASK)->state);
        $this->service->statuses = [$retried];
        self::assertSame(TaskState::Failed, $this->client()->wait(MemoryService::TASK, 0.0)->state);
    }

    public function testPulledExportsAreNamed(): void
    {
        $task = $this->client()->create('orders', ['day' => '2026-01-01'], filename: 'orders');
        self::assertSame([MemoryService::TASK, ['create orders']], [$task->taskId, $this->service->calls]);
        self::assertSame([[], 'orders'], [$this->service->metadata->columns, $this->service->metadata->filename]);
        $this->expectException(InvalidRequestException::class);
        $this->client()->create('orders', ['day' => "\xff"]);
    }

    public function testAnExportThatIsLetGoOfEndsItsConnection(): void
    {
        $export = $this->client()->open(['n']);
        $stream = \WeakReference::create((fn () => $this->stream)->call($export));
        unset($export);
        gc_collect_cycles();
        self::assertNull($stream->get());
    }
}
