<?php

declare(strict_types=1);

namespace Rowferry\Transport\Http;

use Rowferry\Column;
use Rowferry\Exception\Errors;
use Rowferry\ExportMetadata;
use Rowferry\ExportOptions;
use Rowferry\FidelityIssue;
use Rowferry\Format;
use Rowferry\PulledExport;
use Rowferry\Stage;
use Rowferry\TaskState;
use Rowferry\TaskStatus;

/**
 * The contract's messages as the JSON documents of the HTTP port: docs/protocol.md, "HTTP".
 */
final class Documents
{
    /** RFC 3339 with microseconds. */
    public const TIME = 'Y-m-d\TH:i:s.uP';

    /**
     * ExportMetadata; what has its default is left out.
     *
     * @return array<string, mixed>
     */
    public static function metadata(ExportMetadata $metadata): array
    {
        $options = $metadata->options;
        return self::given([
            'request_id' => $metadata->requestId,
            'format' => $metadata->format->value,
            'filename' => $metadata->filename,
            'columns' => array_map(self::column(...), $metadata->columns) ?: null,
            'options' => self::formatOptions($options),
            'expected_rows' => $options->expectedRows,
            'priority' => $options->priority,
            'tags' => $options->tags === [] ? null : (object) $options->tags,
            'owner' => $options->owner,
            'retention_seconds' => $options->retentionSeconds,
            'callback' => $options->callback,
        ]);
    }

    /**
     * CreateExportRequest.
     *
     * @return array<string, mixed>
     */
    public static function pulled(PulledExport $export): array
    {
        return self::given([
            'metadata' => self::metadata($export->metadata),
            'provider' => $export->provider,
            'parameters_json' => $export->parametersJson,
            'run_at' => $export->runAt?->format(self::TIME),
        ]);
    }

    /** @param array<string, mixed> $document a TaskStatus */
    public static function task(array $document): TaskStatus
    {
        if (!isset($document['task_id'], $document['status'], $document['owner'])) {
            throw Errors::notRowferry('the answer is no task of Rowferry');
        }
        return self::status($document);
    }

    /** @return array<string, mixed> */
    private static function column(Column $column): array
    {
        return self::given([
            'name' => $column->name,
            'data_type' => $column->type->value,
            'width' => $column->width,
            'format' => $column->format,
            'key' => $column->key === $column->name ? '' : $column->key,
        ]);
    }

    /** @return array<string, mixed>|null */
    private static function formatOptions(ExportOptions $options): ?array
    {
        $given = self::given([
            'csv_delimiter' => $options->csvDelimiter,
            'csv_encoding' => $options->csvEncoding,
            'excel_sheet_name' => $options->excelSheetName,
            'excel_start_row' => $options->excelStartRow,
            'compression_enabled' => $options->compressionEnabled,
            'preset' => $options->preset,
            'csv_null' => $options->csvNull,
            'injection_guard' => $options->injectionGuard,
            'on_bad_value' => $options->onBadValue,
            'on_unmappable' => $options->onUnmappable,
            'on_control_character' => $options->onControlCharacter,
            'row_overflow' => $options->rowOverflow,
            'timezone' => $options->timezone,
        ]);
        return $given === [] ? null : $given;
    }

    /**
     * @param array<string, mixed> $fields
     * @return array<string, mixed>
     */
    private static function given(array $fields): array
    {
        return array_filter($fields, static fn (mixed $value): bool => !\in_array($value, ['', 0, false, null], true));
    }

    /** @param array<string, mixed> $document */
    private static function status(array $document): TaskStatus
    {
        $remaining = $document['estimated_time_remaining'] ?? -1;
        return new TaskStatus(
            taskId: $document['task_id'],
            state: TaskState::tryFrom($document['status']) ?? TaskState::Unspecified,
            format: Format::tryFrom($document['format']),
            filename: $document['filename'],
            stage: Stage::tryFrom($document['stage']) ?? Stage::Unspecified,
            recordsProcessed: $document['records_processed'],
            rowsReceived: $document['rows_received'],
            expectedRows: $document['expected_rows'],
            progressPercent: $document['progress_percent'],
            rowsPerSecond: $document['rows_per_second'],
            secondsRemaining: $remaining < 0 ? null : $remaining,
            attempt: $document['attempt'],
            nextSequence: $document['next_sequence'],
            requestId: $document['request_id'],
            client: $document['client'],
            owner: $document['owner'],
            url: $document['oss_url'],
            fileSizeBytes: $document['file_size_bytes'],
            sha256: $document['checksum_sha256'],
            fidelity: array_map(self::issue(...), $document['fidelity']),
            errorCode: $document['error_code'],
            errorMessage: $document['error_message'],
            errorContext: array_map(strval(...), $document['error_context']),
            cancelReason: $document['cancel_reason'],
            createdTime: self::time($document['created_time']),
            startTime: self::time($document['start_time']),
            completionTime: self::time($document['completion_time']),
            nextAttemptTime: self::time($document['next_attempt_time']),
            linkExpires: self::time($document['link_expires']),
            fileExpires: self::time($document['file_expires']),
        );
    }

    /** @param array<string, mixed> $issue */
    private static function issue(array $issue): FidelityIssue
    {
        return new FidelityIssue($issue['kind'], $issue['cells'], $issue['first_row'], $issue['first_column']);
    }

    private static function time(?string $text): ?\DateTimeImmutable
    {
        return $text === null ? null : new \DateTimeImmutable($text);
    }
}
