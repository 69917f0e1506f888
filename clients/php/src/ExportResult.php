<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * How an export ended, or how far it was when the waiting ended: the contract's ExportResult.
 */
final class ExportResult
{
    /**
     * @param string $requestId the same request again finds this task
     * @param string $url the link to the file, empty before COMPLETED
     * @param string $sha256 of the file, hexadecimal
     * @param list<FidelityIssue> $fidelity
     * @param \DateTimeImmutable|null $nextAttemptTime set: FAILED is not final, it will be tried again
     * @param array<string, string> $errorContext
     */
    public function __construct(
        public readonly string $taskId,
        public readonly TaskState $state,
        public readonly string $requestId = '',
        public readonly string $url = '',
        public readonly int $fileSizeBytes = 0,
        public readonly int $recordCount = 0,
        public readonly float $progressPercent = 0.0,
        public readonly string $sha256 = '',
        public readonly string $errorCode = '',
        public readonly string $errorMessage = '',
        public readonly array $errorContext = [],
        public readonly ?\DateTimeImmutable $startTime = null,
        public readonly ?\DateTimeImmutable $completionTime = null,
        public readonly ?\DateTimeImmutable $nextAttemptTime = null,
        public readonly ?\DateTimeImmutable $linkExpires = null,
        public readonly ?\DateTimeImmutable $fileExpires = null,
        public readonly array $fidelity = [],
        public readonly int $rowsReceived = 0,
    ) {
    }

    /** Whether nothing will become of the task that is not there now. */
    public function isFinal(): bool
    {
        return match ($this->state) {
            TaskState::Completed, TaskState::Cancelled, TaskState::Expired => true,
            TaskState::Failed => $this->nextAttemptTime === null,
            default => false,
        };
    }

    /** The same, with what the client knows. */
    public function ofRequest(string $requestId): self
    {
        return new self(...['requestId' => $requestId] + get_object_vars($this));
    }
}
