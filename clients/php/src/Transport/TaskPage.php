<?php

declare(strict_types=1);

namespace Rowferry\Transport;

use Rowferry\TaskStatus;

/**
 * One page of a list, newest first.
 */
final class TaskPage
{
    /**
     * @param list<TaskStatus> $tasks
     * @param string $nextPageToken empty: this was the last page
     */
    public function __construct(
        public readonly array $tasks,
        public readonly string $nextPageToken,
    ) {
    }
}
