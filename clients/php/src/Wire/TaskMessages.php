<?php

declare(strict_types=1);

namespace Rowferry\Wire;

use Rowferry\ExportResult;
use Rowferry\FidelityIssue;
use Rowferry\TaskState;
use Rowferry\TaskStatus;

/**
 * TaskStatus and ExportResult, as proto/rowferry/v1/export.proto has them: the same fields under other numbers.
 */
final class TaskMessages
{
    private const STATUS = [
        1 => 'taskId', 'state', 'format', 'filename', 'recordsProcessed', 'progressPercent', 'url', 'fileSizeBytes',
        'errorMessage', 'errorCode', 'startTime', 'completionTime', 'secondsRemaining', 'stage', 'expectedRows',
        'attempt', 'requestId', 'client', 'createdTime', 'nextSequence', 'sha256', 'fidelity', 'rowsPerSecond',
        'nextAttemptTime', 'errorContext', 'linkExpires', 'fileExpires', 'rowsReceived', 'cancelReason', 'owner',
    ];
    private const RESULT = [
        1 => 'taskId', 'state', 'url', 'fileSizeBytes', 'recordCount', 'progressPercent', 'sha256', 'errorMessage',
        'errorCode', 'startTime', 'completionTime', 'fidelity', 'linkExpires', 'nextAttemptTime', 'errorContext',
        'rowsReceived', 'fileExpires',
    ];

    public static function status(string $message): TaskStatus
    {
        return new TaskStatus(...self::values($message, self::STATUS));
    }

    public static function result(string $message): ExportResult
    {
        return new ExportResult(...self::values($message, self::RESULT));
    }

    /**
     * @param array<int, string> $names of the fields, by their number
     * @return array<string, mixed> what the message has, by name
     */
    private static function values(string $message, array $names): array
    {
        $values = ['taskId' => '', 'state' => TaskState::Unspecified];
        $reader = new Reader($message);
        while (($field = $reader->field()) !== 0) {
            $name = $names[$field] ?? null;
            match ($name) {
                null => null,
                'fidelity' => $values[$name][] = self::issue($reader->text()),
                'errorContext' => $values[$name] = ($values[$name] ?? []) + $reader->entry(),
                default => $values[$name] = self::value($name, $reader),
            };
        }
        return $values;
    }

    private static function value(string $name, Reader $reader): mixed
    {
        return match ($name) {
            'state' => EnumNumbers::state($reader->integer()),
            'format' => EnumNumbers::format($reader->integer()),
            'stage' => EnumNumbers::stage($reader->integer()),
            'secondsRemaining' => $reader->integer() < 0 ? null : $reader->integer(),
            'recordsProcessed', 'recordCount', 'rowsReceived', 'expectedRows', 'attempt', 'nextSequence',
            'fileSizeBytes' => $reader->integer(),
            'progressPercent', 'rowsPerSecond' => $reader->float(),
            'createdTime', 'startTime', 'completionTime', 'nextAttemptTime', 'linkExpires',
            'fileExpires' => $reader->time(),
            default => $reader->text(),
        };
    }

    private static function issue(string $message): FidelityIssue
    {
        $kind = '';
        $numbers = [2 => 0, 3 => 0, 4 => 0];
        $reader = new Reader($message);
        while (($field = $reader->field()) !== 0) {
            match ($field) {
                1 => $kind = $reader->text(),
                default => $numbers[$field] = $reader->integer(),
            };
        }
        return new FidelityIssue($kind, $numbers[2], $numbers[3], $numbers[4]);
    }
}
