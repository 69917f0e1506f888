<?php

declare(strict_types=1);

namespace Rowferry\Tests\Memory;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\ExportResult;
use Rowferry\Rows\Batch;
use Rowferry\TaskState;
use Rowferry\Transport\Ack;
use Rowferry\Transport\Created;
use Rowferry\Transport\ExportStream;

/**
 * A connection to MemoryService.
 */
final class MemoryStream implements ExportStream
{
    private bool $open = true;
    private bool $hangs = false;

    public function __construct(private readonly MemoryService $service, private ?int $batchesUntilBreak)
    {
    }

    public function created(Deadline $deadline): Created
    {
        return $this->service->created();
    }

    public function send(Batch $batch, Deadline $deadline): void
    {
        $this->requireOpen();
        for ($check = 0; $check <= $this->service->silentChecks; $check++) {
            $deadline->check();
        }
        if ($this->batchesUntilBreak === 0) {
            if ($this->service->keepsTheLast) {
                $this->service->keep($batch);
            }
            throw Errors::unreachable('cut');
        }
        if ($this->batchesUntilBreak !== null) {
            $this->batchesUntilBreak--;
        }
        $this->service->keep($batch);
        $deadline->progressed();
    }

    public function acknowledged(Deadline $deadline, float $waitSeconds = 0.0): ?Ack
    {
        $this->requireOpen();
        if ($this->service->lazyAcks && $waitSeconds === 0.0) {
            return null;
        }
        return new Ack(\count($this->service->batches), $this->service->rows());
    }

    public function finish(int $expectedRows, Deadline $deadline): void
    {
        $this->requireOpen();
        if ($expectedRows !== 0 && $expectedRows !== $this->service->rows()) {
            throw Errors::of('ROW_COUNT_MISMATCH', 'other rows');
        }
        $this->service->calls[] = "finish $expectedRows";
        $this->hangs = $this->service->losesTheEnd;
        $this->service->losesTheEnd = false;
        if (!$this->hangs) {
            $this->service->rowsEnded = true;
            $this->service->state = TaskState::Completed;
        }
    }

    public function result(Deadline $deadline, float $waitSeconds): ?ExportResult
    {
        $this->requireOpen();
        $result = $this->service->result();
        return $result->isFinal() && !$this->hangs ? $result : null;
    }

    public function close(): void
    {
        $this->open = false;
    }

    private function requireOpen(): void
    {
        if (!$this->open) {
            throw new \LogicException('a closed stream was used');
        }
    }
}
