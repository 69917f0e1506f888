<?php

declare(strict_types=1);

namespace Rowferry\Resume;

use Rowferry\Rows\Batch;

/**
 * Batches that are not acknowledged: a broken connection may have lost them.
 */
final class Window
{
    /** About 25,000 rows of twelve cells. */
    public const MAX_BYTES = 4 << 20;

    /** @var array<int, Batch> by sequence, ascending */
    private array $batches = [];
    private int $bytes = 0;
    /** The first batch that is not acknowledged, and the rows before it. */
    private int $begin = 1;
    private int $rowsBefore = 0;

    /** Goes on behind rows that the service has. */
    public function startAt(int $sequence, int $rowsBefore): void
    {
        $this->begin = $sequence;
        $this->rowsBefore = $rowsBefore;
    }

    public function add(Batch $batch): void
    {
        $this->batches[$batch->sequence] = $batch;
        $this->bytes += \strlen($batch->json);
    }

    /** Lets go of what is kept elsewhere: all batches below the number. */
    public function dropBelow(int $sequence): void
    {
        foreach ($this->batches as $number => $batch) {
            if ($number >= $sequence) {
                return;
            }
            $this->bytes -= \strlen($batch->json);
            $this->begin = $number + 1;
            $this->rowsBefore += $batch->rows;
            unset($this->batches[$number]);
        }
    }

    /** The rows before a batch; null if it is neither one of those here nor the next. */
    public function rowsBelow(int $sequence): ?int
    {
        $rows = $this->rowsBefore;
        for ($number = $this->begin; $number < $sequence; $number++) {
            if (!isset($this->batches[$number])) {
                return null;
            }
            $rows += $this->batches[$number]->rows;
        }
        return $sequence < $this->begin ? null : $rows;
    }

    public function clear(): void
    {
        $this->batches = [];
        $this->bytes = 0;
    }

    /** Whether acknowledgements have to be waited for. */
    public function isFull(): bool
    {
        return $this->bytes > self::MAX_BYTES;
    }

    public function batch(int $sequence): ?Batch
    {
        return $this->batches[$sequence] ?? null;
    }
}
