<?php

declare(strict_types=1);

namespace Rowferry\Transport\Curl;

/**
 * Bytes on their way to libcurl, which takes them piece by piece.
 */
final class SendQueue
{
    /** @var \SplQueue<string> */
    private readonly \SplQueue $frames;
    private int $offset = 0;
    private int $bytes = 0;
    private bool $ended = false;

    public function __construct()
    {
        $this->frames = new \SplQueue();
    }

    public function add(string $frame): void
    {
        $this->frames->enqueue($frame);
        $this->bytes += \strlen($frame);
    }

    /** Nothing will be added. */
    public function end(): void
    {
        $this->ended = true;
    }

    /** Whether all of it was taken, and nothing will be added. */
    public function isTaken(): bool
    {
        return $this->ended && $this->bytes === 0;
    }

    public function bytes(): int
    {
        return $this->bytes;
    }

    /** Up to `$length` bytes; '' is the end, null says that there is nothing now. */
    public function take(int $length): ?string
    {
        if ($this->frames->isEmpty()) {
            return $this->ended ? '' : null;
        }
        $frame = $this->frames->bottom();
        $taken = substr($frame, $this->offset, $length);
        $this->offset += \strlen($taken);
        $this->bytes -= \strlen($taken);
        if ($this->offset === \strlen($frame)) {
            $this->frames->dequeue();
            $this->offset = 0;
        }
        return $taken;
    }
}
