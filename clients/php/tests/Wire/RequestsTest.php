<?php

declare(strict_types=1);

namespace Rowferry\Tests\Wire;

use Google\Protobuf\Timestamp;
use PHPUnit\Framework\TestCase;
use Rowferry\Column;
use Rowferry\DataType;
use Rowferry\ExportMetadata;
use Rowferry\ExportOptions;
use Rowferry\Format;
use Rowferry\PulledExport;
use Rowferry\Rows\Batch;
use Rowferry\TaskFilter;
use Rowferry\TaskState;
use Rowferry\V1;
use Rowferry\Wire\EnumNumbers;
use Rowferry\Wire\Requests;

/**
 * What the client sends is what protoc's classes read, and what they send for the same.
 */
final class RequestsTest extends TestCase
{
    private const ROUNDS = 300;

    private RandomValues $random;

    protected function setUp(): void
    {
        $this->random = new RandomValues((int) getenv('ROWFERRY_SEED'));
    }

    public function testMetadata(): void
    {
        for ($round = 0; $round < self::ROUNDS; $round++) {
            $ours = $this->metadata();
            $theirs = self::theirMetadata($ours);
            $bytes = Requests::metadata($ours);
            $read = new V1\ExportRequest();
            $read->mergeFromString($bytes);
            self::assertEquals(self::fields($theirs), self::fields($read->getMetadata()));
            // Fields may come in any order, and the extension has its own.
            if (!\extension_loaded('protobuf')) {
                self::assertSame((new V1\ExportRequest(['metadata' => $theirs]))->serializeToString(), $bytes);
            }
        }
    }

    public function testBatch(): void
    {
        for ($round = 0; $round < self::ROUNDS; $round++) {
            $json = '["' . str_repeat('x', mt_rand(0, 40000)) . '"]';
            $batch = new Batch(max(1, $this->random->integer()), 1, $json);
            $theirs = new V1\RecordBatch(['batch_sequence' => $batch->sequence, 'json_rows' => $json]);
            $request = (new V1\ExportRequest(['batch' => $theirs]))->serializeToString();
            self::assertSame($request, Requests::batchHead($batch) . $json);
            $framed = Requests::framedBatchHead($batch) . $json;
            self::assertStringEndsWith($theirs->serializeToString(), $framed);
            self::assertLessThanOrEqual(\strlen($json) + Requests::BATCH_OVERHEAD_BYTES, \strlen($request));
        }
    }

    public function testFinish(): void
    {
        foreach ([0, 1, 200000, PHP_INT_MAX] as $rows) {
            $theirs = new V1\ExportRequest(['finish' => new V1\Finish(['expected_rows' => $rows])]);
            self::assertSame($theirs->serializeToString(), Requests::finish($rows));
        }
    }

    public function testPulled(): void
    {
        for ($round = 0; $round < self::ROUNDS; $round++) {
            $metadata = $this->metadata();
            $parameters = ['text' => $this->random->text(), 'number' => $this->random->integer(), 'float' => 0.1];
            $ours = new PulledExport($metadata, 'a' . $this->random->text(), $parameters, $this->random->time());
            self::assertSame($parameters, json_decode($ours->parametersJson, true));
            $read = new V1\CreateExportRequest();
            $read->mergeFromString(Requests::pulled($ours));
            self::assertEquals(self::fields(self::theirMetadata($metadata)), self::fields($read->getMetadata()));
            self::assertSame($ours->provider, $read->getProvider());
            self::assertSame($ours->parametersJson, $read->getParametersJson());
            self::assertEquals(self::timestamp($ours->runAt), $read->getRunAt());
        }
    }

    public function testRequestsAboutOneTask(): void
    {
        for ($round = 0; $round < self::ROUNDS; $round++) {
            $id = ['task_id' => $this->random->text()];
            $reason = $id + ['reason' => $this->random->text()];
            $ours = Requests::task($id['task_id']);
            self::assertSame((new V1\TaskStatusRequest($id))->serializeToString(), $ours);
            self::assertSame((new V1\WatchTaskRequest($id))->serializeToString(), $ours);
            self::assertSame((new V1\RetryTaskRequest($id))->serializeToString(), $ours);
            self::assertSame((new V1\DeleteExportRequest($id))->serializeToString(), $ours);
            $cancel = Requests::task($reason['task_id'], $reason['reason']);
            self::assertSame((new V1\CancelTaskRequest($reason))->serializeToString(), $cancel);
        }
    }

    public function testList(): void
    {
        for ($round = 0; $round < self::ROUNDS; $round++) {
            $filter = new TaskFilter(
                $this->random->several(fn () => $this->random->one(TaskState::cases())),
                $this->random->several(fn () => $this->random->one(Format::cases())),
                $this->random->text(),
                $this->random->text(),
                $this->random->time(),
                $this->random->time(),
                $this->random->small(),
            );
            $token = $this->random->text();
            $theirs = new V1\ListTasksRequest(array_filter([
                'states' => array_map(EnumNumbers::of(...), $filter->states),
                'filename_contains' => $filter->filenameContains,
                'page_size' => $filter->pageSize,
                'page_token' => $token,
                'owner' => $filter->owner,
                'formats' => array_map(EnumNumbers::of(...), $filter->formats),
                'created_after' => self::timestamp($filter->createdAfter),
                'created_before' => self::timestamp($filter->createdBefore),
            ], static fn (mixed $value): bool => $value !== null));
            self::assertSame($theirs->serializeToString(), Requests::list($filter, $token));
        }
    }

    public function testEveryEnumHasTheContractsNumbers(): void
    {
        foreach ([Format::class => V1\Format::class, DataType::class => V1\DataType::class] as $ours => $theirs) {
            foreach ($ours::cases() as $word) {
                self::assertSame($theirs::value($word->value), EnumNumbers::of($word));
            }
        }
        foreach (TaskState::cases() as $state) {
            self::assertSame(V1\TaskState::value($state->value), EnumNumbers::of($state));
            self::assertSame($state, EnumNumbers::state(EnumNumbers::of($state)));
        }
        foreach (\Rowferry\Stage::cases() as $stage) {
            self::assertSame($stage, EnumNumbers::stage(V1\Stage::value($stage->value)));
        }
    }

    private function metadata(): ExportMetadata
    {
        $random = $this->random;
        $options = new ExportOptions(
            csvDelimiter: $random->text(),
            csvEncoding: $random->text(),
            excelSheetName: $random->text(),
            excelStartRow: $random->small(),
            compressionEnabled: $random->one([true, false]),
            preset: $random->text(),
            csvNull: $random->text(),
            injectionGuard: $random->text(),
            onBadValue: $random->text(),
            onUnmappable: $random->text(),
            onControlCharacter: $random->text(),
            rowOverflow: $random->text(),
            timezone: $random->text(),
            expectedRows: $random->signed(),
            priority: $random->small(),
            tags: $random->texts(),
            owner: $random->text(),
            retentionSeconds: $random->signed(),
            callback: $random->text(),
        );
        $columns = $random->several(fn (): Column => new Column(
            $random->text(),
            $random->one(DataType::cases()),
            $random->text(),
            $random->small(),
            $random->one([null, 'key', $random->text()]),
        ));
        $format = $random->one(Format::cases());
        return new ExportMetadata($random->text(), $format, $random->text(), $columns, $options, $random->small());
    }

    private static function theirMetadata(ExportMetadata $ours): V1\ExportMetadata
    {
        return new V1\ExportMetadata([
            'request_id' => $ours->requestId,
            'format' => V1\Format::value($ours->format->value),
            'filename' => $ours->filename,
            'columns' => array_map(static fn (Column $column): V1\ColumnDefinition => new V1\ColumnDefinition([
                'name' => $column->name,
                'data_type' => V1\DataType::value($column->type->value),
                'width' => $column->width,
                'format' => $column->format,
                // The name is the key where there is none.
                'key' => $column->key === $column->name ? '' : $column->key,
            ]), $ours->columns),
            'options' => new V1\FormatOptions([
                'csv_delimiter' => $ours->options->csvDelimiter,
                'csv_encoding' => $ours->options->csvEncoding,
                'excel_sheet_name' => $ours->options->excelSheetName,
                'excel_start_row' => $ours->options->excelStartRow,
                'compression_enabled' => $ours->options->compressionEnabled,
                'preset' => $ours->options->preset,
                'csv_null' => $ours->options->csvNull,
                'injection_guard' => $ours->options->injectionGuard,
                'on_bad_value' => $ours->options->onBadValue,
                'on_unmappable' => $ours->options->onUnmappable,
                'on_control_character' => $ours->options->onControlCharacter,
                'row_overflow' => $ours->options->rowOverflow,
                'timezone' => $ours->options->timezone,
            ]),
            'expected_rows' => $ours->options->expectedRows,
            'priority' => $ours->options->priority,
            'tags' => $ours->options->tags,
            'wait_seconds' => $ours->waitSeconds,
            'owner' => $ours->options->owner,
            'retention_seconds' => $ours->options->retentionSeconds,
            'callback' => $ours->options->callback,
        ]);
    }

    /** @return array<string, mixed> */
    private static function fields(V1\ExportMetadata $metadata): array
    {
        return json_decode($metadata->serializeToJsonString(), true, flags: JSON_THROW_ON_ERROR);
    }

    private static function timestamp(?\DateTimeInterface $time): ?Timestamp
    {
        return $time === null ? null : new Timestamp([
            'seconds' => $time->getTimestamp(),
            'nanos' => 1000 * (int) $time->format('u'),
        ]);
    }
}
