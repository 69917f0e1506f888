<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * Which tasks a list has; without anything, all of the client's.
 */
final class TaskFilter
{
    /**
     * @param list<TaskState> $states
     * @param list<Format> $formats
     * @param int $pageSize tasks of an answer, 500 at most; a list goes on over all pages
     */
    public function __construct(
        public readonly array $states = [],
        public readonly array $formats = [],
        public readonly string $filenameContains = '',
        public readonly string $owner = '',
        public readonly ?\DateTimeInterface $createdAfter = null,
        public readonly ?\DateTimeInterface $createdBefore = null,
        public readonly int $pageSize = 50,
    ) {
    }
}
