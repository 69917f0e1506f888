<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * Where a task is. The values are the contract's names.
 */
enum TaskState: string
{
    case Unspecified = 'TASK_STATE_UNSPECIFIED';
    case Queued = 'QUEUED';
    case Processing = 'PROCESSING';
    case Uploading = 'UPLOADING';
    case Completed = 'COMPLETED';
    case Failed = 'FAILED';
    case Cancelled = 'CANCELLED';
    case Expired = 'EXPIRED';
    case Scheduled = 'SCHEDULED';
}
