<?php

declare(strict_types=1);

namespace Rowferry\Resume;

use Rowferry\Exception\ExportFailedException;
use Rowferry\ExportResult;

/**
 * What a final state means to the caller.
 */
final class Outcome
{
    /** The error of a task that ended without a file. */
    public static function failure(ExportResult $result, ?string $requestId): ExportFailedException
    {
        $code = $result->errorCode !== '' ? $result->errorCode : $result->state->value;
        $message = $result->errorMessage !== '' ? $result->errorMessage : "the export is {$result->state->value}";
        return new ExportFailedException($code, $message, $result->errorContext, $result->taskId, $requestId);
    }
}
