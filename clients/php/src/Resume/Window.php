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
            unset($this->batches[$number]);
        }
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
