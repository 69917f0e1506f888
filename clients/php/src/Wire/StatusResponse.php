<?php

declare(strict_types=1);

namespace Rowferry\Wire;

use Rowferry\TaskState;
use Rowferry\TaskStatus;

/**
 * TaskStatus, as proto/rowferry/v1/export.proto has it.
 */
final class StatusResponse
{
    public static function decode(string $message): TaskStatus
    {
        $values = ['taskId' => '', 'state' => TaskState::Unspecified];
        $reader = new Reader($message);
        while (($field = $reader->field()) !== 0) {
            match ($field) {
                1 => $values['taskId'] = $reader->text(),
                2 => $values['state'] = EnumNumbers::state($reader->integer()),
                3 => $values['format'] = EnumNumbers::format($reader->integer()),
                4 => $values['filename'] = $reader->text(),
                5 => $values['recordsProcessed'] = $reader->integer(),
                6 => $values['progressPercent'] = $reader->float(),
                7 => $values['url'] = $reader->text(),
                8 => $values['fileSizeBytes'] = $reader->integer(),
                9 => $values['errorMessage'] = $reader->text(),
                10 => $values['errorCode'] = $reader->text(),
                11 => $values['startTime'] = $reader->time(),
                12 => $values['completionTime'] = $reader->time(),
                13 => $values['secondsRemaining'] = $reader->integer() < 0 ? null : $reader->integer(),
                14 => $values['stage'] = EnumNumbers::stage($reader->integer()),
                15 => $values['expectedRows'] = $reader->integer(),
                16 => $values['attempt'] = $reader->integer(),
                17 => $values['requestId'] = $reader->text(),
                18 => $values['client'] = $reader->text(),
                19 => $values['createdTime'] = $reader->time(),
                20 => $values['nextSequence'] = $reader->integer(),
                21 => $values['sha256'] = $reader->text(),
                22 => $values['fidelity'][] = Responses::fidelityIssue($reader->text()),
                23 => $values['rowsPerSecond'] = $reader->float(),
                24 => $values['nextAttemptTime'] = $reader->time(),
                25 => $values['errorContext'] = ($values['errorContext'] ?? []) + $reader->entry(),
                26 => $values['linkExpires'] = $reader->time(),
                27 => $values['fileExpires'] = $reader->time(),
                28 => $values['rowsReceived'] = $reader->integer(),
                29 => $values['cancelReason'] = $reader->text(),
                30 => $values['owner'] = $reader->text(),
                default => null,
            };
        }
        return new TaskStatus(...$values);
    }
}
