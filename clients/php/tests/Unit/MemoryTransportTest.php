<?php

declare(strict_types=1);

namespace Rowferry\Tests\Unit;

use PHPUnit\Framework\TestCase;
use Rowferry\DataType;
use Rowferry\Exception\ConflictException;
use Rowferry\Exception\ExportFailedException;
use Rowferry\Exception\LimitedException;
use Rowferry\Exception\NotFoundException;
use Rowferry\ExportResult;
use Rowferry\RetryPolicy;
use Rowferry\Rowferry;
use Rowferry\TaskState;
use Rowferry\Testing\MemoryTransport;

final class MemoryTransportTest extends TestCase
{
    private MemoryTransport $service;
    private Rowferry $client;

    protected function setUp(): void
    {
        $this->service = new MemoryTransport();
        $this->client = new Rowferry($this->service, new RetryPolicy(retryForSeconds: 0.0));
    }

    public function testItKeepsTheRowsOfManyBatches(): void
    {
        $result = $this->export(20_000);
        self::assertSame([TaskState::Completed, 20_000], [$result->state, $result->recordCount]);
        self::assertSame([20_000, 'x'], $this->service->exports()[0]->rows()[19_999]);
        self::assertSame($result->url, $this->client->status($result->taskId)->url);
    }

    public function testTheSameRequestFindsItsExport(): void
    {
        $first = $this->export(10, requestId: 'once');
        self::assertSame($first->taskId, $this->export(10, requestId: 'once')->taskId);
        self::assertCount(1, $this->service->exports());
        $this->expectException(ConflictException::class);
        $this->export(10, requestId: 'once', filename: 'other');
    }

    public function testAnExportThatWasLetGoOfGoesOn(): void
    {
        $open = $this->client->open(['n' => DataType::Number, 'text'], requestId: 'twice', filename: 'rows');
        $open->write([1, 'x']);
        $open->flush();
        $open->close();
        self::assertSame(TaskState::Processing, $this->service->exports()[0]->state());
        $this->export(3, requestId: 'twice');
        self::assertSame([[1, 'x'], [2, 'x'], [3, 'x']], $this->service->exports()[0]->rows());
    }

    public function testItRefusesWhenItIsTold(): void
    {
        $this->service->refuseWith('QUEUE_FULL');
        $this->expectException(LimitedException::class);
        $this->export(1);
    }

    public function testACancelledExportHasNoFile(): void
    {
        $result = $this->export(1);
        self::assertSame('', $this->client->cancel($result->taskId)->url);
        $this->expectException(ExportFailedException::class);
        $this->client->wait($result->taskId);
    }

    public function testWhatIsToBePulledIsThereSoon(): void
    {
        $parameters = ['country' => 'DE', 'factor' => 1.0];
        $task = $this->client->create('orders', $parameters, requestId: 'once');
        self::assertSame(TaskState::Queued, $task->state);
        $done = $this->client->wait($task->taskId);
        self::assertSame([TaskState::Completed, 'once'], [$done->state, $done->requestId]);
        [$export] = $this->service->exports();
        self::assertSame('orders', $export->pulled->provider);
        self::assertSame('{"country":"DE","factor":1.0}', $export->pulled->parametersJson);
        self::assertSame($task->taskId, $this->client->create('orders', $parameters, requestId: 'once')->taskId);
        $this->expectException(ConflictException::class);
        $this->client->create('orders', requestId: 'once');
    }

    public function testWhoeverWatchesIsToldOfEachState(): void
    {
        $open = $this->client->open(['n'], filename: 'rows');
        $states = [];
        foreach ($this->client->watch($open->taskId()) as $status) {
            $states[] = $status->state;
            if (!$status->isFinal()) {
                $open->finish();
            }
        }
        self::assertSame([TaskState::Processing, TaskState::Completed], $states);
    }

    public function testListsHaveTheNewestFirst(): void
    {
        $this->export(1, filename: 'old');
        $this->export(1, filename: 'new');
        self::assertSame(['new', 'old'], array_column(iterator_to_array($this->client->list()), 'filename'));
        $this->expectException(NotFoundException::class);
        $this->client->status('nobody');
    }

    private function export(int $rows, ?string $requestId = null, string $filename = 'rows'): ExportResult
    {
        return $this->client->export(
            array_map(static fn (int $number) => [$number, 'x'], range(1, $rows)),
            columns: ['n' => DataType::Number, 'text'],
            filename: $filename,
            requestId: $requestId,
        );
    }
}
