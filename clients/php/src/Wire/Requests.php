<?php

declare(strict_types=1);

namespace Rowferry\Wire;

use Rowferry\Column;
use Rowferry\DataType;
use Rowferry\ExportMetadata;
use Rowferry\ExportOptions;
use Rowferry\Format;
use Rowferry\PulledExport;
use Rowferry\Rows\Batch;
use Rowferry\TaskFilter;
use Rowferry\TaskState;

/**
 * What a client sends, as proto/rowferry/v1/export.proto has it.
 */
final class Requests
{
    /** Bytes of an ExportRequest beside the rows of its batch: keys, lengths, the number. */
    public const BATCH_OVERHEAD_BYTES = 32;

    /** ExportRequest { metadata } */
    public static function metadata(ExportMetadata $metadata): string
    {
        return (new Writer())->message(1, self::exportMetadata($metadata))->bytes();
    }

    /**
     * ExportRequest { batch { batch_sequence, json_rows } }: what stands before the JSON, which follows as it is.
     */
    public static function batchHead(Batch $batch): string
    {
        $inner = (new Writer())->integer(2, $batch->sequence)->bytes()
            . Writer::lengthPrefix(3, \strlen($batch->json));
        return Writer::lengthPrefix(2, \strlen($inner) + \strlen($batch->json)) . $inner;
    }

    /** RecordBatch behind its length, as HTTP bodies have it: what stands before the JSON. */
    public static function framedBatchHead(Batch $batch): string
    {
        // A field of a message is just that, behind its key of one byte.
        return substr(self::batchHead($batch), 1);
    }

    /** ExportRequest { finish } */
    public static function finish(int $expectedRows): string
    {
        return (new Writer())->message(3, (new Writer())->integer(1, $expectedRows)->bytes())->bytes();
    }

    /** CreateExportRequest */
    public static function pulled(PulledExport $export): string
    {
        return (new Writer())
            ->message(1, self::exportMetadata($export->metadata))
            ->text(2, $export->provider)
            ->text(3, $export->parametersJson)
            ->time(4, $export->runAt)
            ->bytes();
    }

    /** TaskStatusRequest, WatchTaskRequest, RetryTaskRequest, DeleteExportRequest; CancelTaskRequest with a reason. */
    public static function task(string $taskId, string $reason = ''): string
    {
        return (new Writer())->text(1, $taskId)->text(2, $reason)->bytes();
    }

    /** ListTasksRequest */
    public static function list(TaskFilter $filter, string $pageToken): string
    {
        return (new Writer())
            ->packedIntegers(1, array_map(self::number(...), $filter->states))
            ->text(2, $filter->filenameContains)
            ->integer(3, $filter->pageSize)
            ->text(4, $pageToken)
            ->text(5, $filter->owner)
            ->packedIntegers(6, array_map(self::number(...), $filter->formats))
            ->time(7, $filter->createdAfter)
            ->time(8, $filter->createdBefore)
            ->bytes();
    }

    private static function exportMetadata(ExportMetadata $metadata): string
    {
        $options = $metadata->options;
        $writer = (new Writer())
            ->text(1, $metadata->requestId)
            ->integer(2, self::number($metadata->format))
            ->text(3, $metadata->filename);
        foreach ($metadata->columns as $column) {
            $writer->message(4, self::column($column));
        }
        return $writer
            ->message(5, self::formatOptions($options))
            ->integer(6, $options->expectedRows)
            ->integer(8, $options->priority)
            ->map(9, $options->tags)
            ->integer(10, $metadata->waitSeconds)
            ->text(12, $options->owner)
            ->integer(13, $options->retentionSeconds)
            ->text(14, $options->callback)
            ->bytes();
    }

    private static function column(Column $column): string
    {
        return (new Writer())
            ->text(1, $column->name)
            ->integer(2, self::number($column->type))
            ->integer(3, $column->width)
            ->text(4, $column->format)
            ->text(5, $column->key === $column->name ? '' : $column->key)
            ->bytes();
    }

    private static function formatOptions(ExportOptions $options): string
    {
        return (new Writer())
            ->text(1, $options->csvDelimiter)
            ->text(2, $options->csvEncoding)
            ->text(3, $options->excelSheetName)
            ->integer(4, $options->excelStartRow)
            ->integer(5, (int) $options->compressionEnabled)
            ->text(6, $options->preset)
            ->text(7, $options->csvNull)
            ->text(8, $options->injectionGuard)
            ->text(9, $options->onBadValue)
            ->text(10, $options->onUnmappable)
            ->text(11, $options->onControlCharacter)
            ->text(12, $options->rowOverflow)
            ->text(13, $options->timezone)
            ->bytes();
    }

    private static function number(Format|DataType|TaskState $word): int
    {
        return EnumNumbers::of($word);
    }
}
