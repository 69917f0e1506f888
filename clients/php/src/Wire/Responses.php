<?php

declare(strict_types=1);

namespace Rowferry\Wire;

use Rowferry\ExportResult;
use Rowferry\FidelityIssue;
use Rowferry\TaskState;
use Rowferry\Transport\Ack;
use Rowferry\Transport\Created;
use Rowferry\Transport\TaskPage;

/**
 * What the service answers on an export's stream and with lists, as proto/rowferry/v1/export.proto has it.
 */
final class Responses
{
    /** ExportResponse; null for a payload of a newer service. */
    public static function export(string $message): Created|Ack|ExportResult|null
    {
        $reader = new Reader($message);
        $payload = null;
        while (($field = $reader->field()) !== 0) {
            $payload = match ($field) {
                1 => self::created($reader->text()),
                2 => self::ack($reader->text()),
                3 => self::result($reader->text()),
                default => $payload,
            };
        }
        return $payload;
    }

    /** ExportResult */
    public static function result(string $message): ExportResult
    {
        $values = ['taskId' => '', 'state' => TaskState::Unspecified];
        $reader = new Reader($message);
        while (($field = $reader->field()) !== 0) {
            match ($field) {
                1 => $values['taskId'] = $reader->text(),
                2 => $values['state'] = EnumNumbers::state($reader->integer()),
                3 => $values['url'] = $reader->text(),
                4 => $values['fileSizeBytes'] = $reader->integer(),
                5 => $values['recordCount'] = $reader->integer(),
                6 => $values['progressPercent'] = $reader->float(),
                7 => $values['sha256'] = $reader->text(),
                8 => $values['errorMessage'] = $reader->text(),
                9 => $values['errorCode'] = $reader->text(),
                10 => $values['startTime'] = $reader->time(),
                11 => $values['completionTime'] = $reader->time(),
                12 => $values['fidelity'][] = self::fidelityIssue($reader->text()),
                13 => $values['linkExpires'] = $reader->time(),
                14 => $values['nextAttemptTime'] = $reader->time(),
                15 => $values['errorContext'] = ($values['errorContext'] ?? []) + $reader->entry(),
                16 => $values['rowsReceived'] = $reader->integer(),
                17 => $values['fileExpires'] = $reader->time(),
                default => null,
            };
        }
        return new ExportResult(...$values);
    }

    /** ListTasksResponse */
    public static function page(string $message): TaskPage
    {
        $tasks = [];
        $next = '';
        $reader = new Reader($message);
        while (($field = $reader->field()) !== 0) {
            match ($field) {
                1 => $tasks[] = StatusResponse::decode($reader->text()),
                2 => $next = $reader->text(),
                default => null,
            };
        }
        return new TaskPage($tasks, $next);
    }

    /** FidelityIssue */
    public static function fidelityIssue(string $message): FidelityIssue
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

    private static function created(string $message): Created
    {
        $taskId = '';
        $numbers = [2 => 0, 3 => 0, 4 => 0, 5 => 0];
        $reader = new Reader($message);
        while (($field = $reader->field()) !== 0) {
            match ($field) {
                1 => $taskId = $reader->text(),
                default => $numbers[$field] = $reader->integer(),
            };
        }
        return new Created($taskId, EnumNumbers::state($numbers[2]), $numbers[3], $numbers[4], $numbers[5]);
    }

    private static function ack(string $message): Ack
    {
        $numbers = [1 => 0, 2 => 0, 3 => 0];
        $reader = new Reader($message);
        while (($field = $reader->field()) !== 0) {
            $numbers[$field] = $reader->integer();
        }
        return new Ack($numbers[1], $numbers[2], $numbers[3]);
    }
}
