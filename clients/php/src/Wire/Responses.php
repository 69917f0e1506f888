<?php

declare(strict_types=1);

namespace Rowferry\Wire;

use Rowferry\ExportResult;
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
                3 => TaskMessages::result($reader->text()),
                default => $payload,
            };
        }
        return $payload;
    }

    /** ListTasksResponse */
    public static function page(string $message): TaskPage
    {
        $tasks = [];
        $next = '';
        $reader = new Reader($message);
        while (($field = $reader->field()) !== 0) {
            match ($field) {
                1 => $tasks[] = TaskMessages::status($reader->text()),
                2 => $next = $reader->text(),
                default => null,
            };
        }
        return new TaskPage($tasks, $next);
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
