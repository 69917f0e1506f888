<?php

declare(strict_types=1);

namespace Rowferry\Transport;

use Rowferry\TaskState;

/**
 * The service's first answer on a connection: the contract's TaskCreated.
 */
final class Created
{
    /**
     * @param int $nextSequence the first batch that the service lacks; 0 = it needs no rows any more
     * @param int $maxMessageBytes of one ExportRequest
     * @param int $rowsReceived rows acknowledged before this connection
     */
    public function __construct(
        public readonly string $taskId,
        public readonly TaskState $state,
        public readonly int $nextSequence,
        public readonly int $maxMessageBytes,
        public readonly int $rowsReceived,
    ) {
    }
}
