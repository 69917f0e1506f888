<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * How far an export is.
 */
final class Progress
{
    /**
     * @param string|null $taskId null before the service made the task
     * @param int $rowsSent rows given to the connection
     * @param int $rowsKept rows that survive a crash of the service
     * @param int $reconnects how often the connection was made anew
     * @param TaskStatus|null $status the task behind the last row, while its file is awaited
     */
    public function __construct(
        public readonly ?string $taskId,
        public readonly string $requestId,
        public readonly int $rowsSent,
        public readonly int $rowsKept,
        public readonly int $reconnects = 0,
        public readonly ?TaskStatus $status = null,
    ) {
    }
}
