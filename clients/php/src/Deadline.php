<?php

declare(strict_types=1);

namespace Rowferry;

use Rowferry\Exception\Errors;

/**
 * How long a caller waits: in all, and without any progress. Times are those of hrtime().
 */
final class Deadline
{
    private float $idleSince;

    /**
     * @param float|null $endsAt seconds of `Deadline::now()`, null = never
     * @param float|null $idleLimitSeconds without progress, null = any time
     * @param (\Closure(): void)|null $whileWaiting called by each check; what it throws ends the waiting
     */
    private function __construct(
        private readonly ?float $endsAt,
        private readonly ?float $idleLimitSeconds,
        private readonly ?\Closure $whileWaiting,
    ) {
        $this->idleSince = self::now();
    }

    /** @param (\Closure(): void)|null $whileWaiting */
    public static function after(
        ?float $seconds,
        ?float $idleLimitSeconds = null,
        ?\Closure $whileWaiting = null,
    ): self {
        return new self($seconds === null ? null : self::now() + $seconds, $idleLimitSeconds, $whileWaiting);
    }

    /** Seconds of a clock that no one sets. */
    public static function now(): float
    {
        return hrtime(true) / 1e9;
    }

    /** Something moved: bytes left, or an answer came. */
    public function progressed(): void
    {
        $this->idleSince = self::now();
    }

    /** Seconds without progress so far. */
    public function idleSeconds(): float
    {
        return self::now() - $this->idleSince;
    }

    /** Throws once the time is over, or what the caller's own check throws. */
    public function check(): void
    {
        if ($this->remainingSeconds(1.0) <= 0.0) {
            throw Errors::of(Errors::DEADLINE_EXCEEDED, 'the time that the caller gave is over');
        }
        if ($this->whileWaiting !== null) {
            ($this->whileWaiting)();
        }
    }

    /** What is left in all, whether anything moves or not; null = any time. */
    public function totalSeconds(): ?float
    {
        return $this->endsAt === null ? null : max(0.0, $this->endsAt - self::now());
    }

    /** How long to wait for at most, `$most` where that is less than what is left. */
    public function remainingSeconds(float $most): float
    {
        $now = self::now();
        $left = $most;
        if ($this->endsAt !== null) {
            $left = min($left, $this->endsAt - $now);
        }
        if ($this->idleLimitSeconds !== null) {
            $left = min($left, $this->idleSince + $this->idleLimitSeconds - $now);
        }
        return max(0.0, $left);
    }
}
