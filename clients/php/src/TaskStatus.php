<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * A task as it is: the contract's TaskStatus.
 */
final class TaskStatus
{
    /**
     * @param int $recordsProcessed rows written in this attempt
     * @param int $rowsReceived rows that are kept
     * @param int $nextSequence the first batch that the service lacks, where rows may still come
     * @param int|null $secondsRemaining null = unknown
     * @param \DateTimeImmutable|null $nextAttemptTime set: FAILED is not final, it will be tried again
     * @param list<FidelityIssue> $fidelity
     * @param array<string, string> $errorContext
     */
    public function __construct(
        public readonly string $taskId,
        public readonly TaskState $state,
        public readonly ?Format $format = null,
        public readonly string $filename = '',
        public readonly Stage $stage = Stage::Unspecified,
        public readonly int $recordsProcessed = 0,
        public readonly int $rowsReceived = 0,
        public readonly int $expectedRows = 0,
        public readonly float $progressPercent = 0.0,
        public readonly float $rowsPerSecond = 0.0,
        public readonly ?int $secondsRemaining = null,
        public readonly int $attempt = 0,
        public readonly int $nextSequence = 0,
        public readonly string $requestId = '',
        public readonly string $client = '',
        public readonly string $owner = '',
        public readonly string $url = '',
        public readonly int $fileSizeBytes = 0,
        public readonly string $sha256 = '',
        public readonly array $fidelity = [],
        public readonly string $errorCode = '',
        public readonly string $errorMessage = '',
        public readonly array $errorContext = [],
        public readonly string $cancelReason = '',
        public readonly ?\DateTimeImmutable $createdTime = null,
        public readonly ?\DateTimeImmutable $startTime = null,
        public readonly ?\DateTimeImmutable $completionTime = null,
        public readonly ?\DateTimeImmutable $nextAttemptTime = null,
        public readonly ?\DateTimeImmutable $linkExpires = null,
        public readonly ?\DateTimeImmutable $fileExpires = null,
    ) {
    }

    /** Whether nothing will become of the task that is not there now. */
    public function isFinal(): bool
    {
        return $this->result()->isFinal();
    }

    /** What the stream of the export would have answered with. */
    public function result(): ExportResult
    {
        return new ExportResult(
            taskId: $this->taskId,
            state: $this->state,
            requestId: $this->requestId,
            url: $this->url,
            fileSizeBytes: $this->fileSizeBytes,
            recordCount: $this->recordsProcessed,
            progressPercent: $this->progressPercent,
            sha256: $this->sha256,
            errorCode: $this->errorCode,
            errorMessage: $this->errorMessage,
            errorContext: $this->errorContext,
            startTime: $this->startTime,
            completionTime: $this->completionTime,
            nextAttemptTime: $this->nextAttemptTime,
            linkExpires: $this->linkExpires,
            fileExpires: $this->fileExpires,
            fidelity: $this->fidelity,
            rowsReceived: $this->rowsReceived,
        );
    }
}
