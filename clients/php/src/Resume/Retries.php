<?php

declare(strict_types=1);

namespace Rowferry\Resume;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\Exception\UnreachableException;
use Rowferry\RetryPolicy;

/**
 * Pauses between tries, until nothing has got on for too long.
 */
final class Retries
{
    private const TICK_SECONDS = 0.25;

    private int $failures = 0;
    private ?float $stuckSince = null;
    private ?float $connectedAt = null;
    private bool $heard = false;
    /** @var \Closure(): float */
    private readonly \Closure $now;

    /** @param (\Closure(): float)|null $now seconds of a clock, `Deadline::now` by default */
    public function __construct(private readonly RetryPolicy $policy, ?\Closure $now = null)
    {
        $this->now = $now ?? Deadline::now(...);
    }

    /** Something got on: the patience is whole again. */
    public function progressed(): void
    {
        $this->heard = true;
        $this->failures = 0;
        $this->stuckSince = null;
    }

    /** The service answered a new connection. If that stands for a while, its end is another outage. */
    public function connected(): void
    {
        $this->heard = true;
        $this->connectedAt = ($this->now)();
    }

    /**
     * Makes a call until it succeeds, or further tries make no sense.
     *
     * @template T
     * @param \Closure(Deadline): T $call
     * @return T
     */
    public function call(\Closure $call, Deadline $deadline): mixed
    {
        while (true) {
            try {
                return $call($deadline);
            } catch (RowferryException $error) {
                $this->pause($this->pauseSeconds($error), $error, $deadline);
            }
        }
    }

    /**
     * How long to wait before the next try; throws the error itself if there shall be none.
     */
    public function pauseSeconds(RowferryException $error): float
    {
        if (!Errors::isPassing($error)) {
            throw $error;
        }
        $now = ($this->now)();
        if ($this->connectedAt !== null && $now - $this->connectedAt > RetryPolicy::LONGEST_PAUSE_SECONDS) {
            $this->progressed();
        }
        $this->connectedAt = null;
        $this->stuckSince ??= $now;
        $this->heard = $this->heard || !$error instanceof UnreachableException;
        $this->failures++;
        $pause = max(
            (float) ($error->context['retry_after_seconds'] ?? 0),
            RetryPolicy::pauseSeconds($this->failures, mt_rand() / mt_getrandmax()),
        );
        $patience = $this->heard ? $this->policy->retryForSeconds : $this->policy->firstAnswerSeconds();
        if ($now + $pause >= $this->stuckSince + $patience) {
            throw $error;
        }
        return $pause;
    }

    /** Waits; throws the error if the caller's own time ends before. */
    public function pause(float $seconds, RowferryException $error, Deadline $deadline): void
    {
        if ($deadline->remainingSeconds($seconds) < $seconds) {
            throw $error;
        }
        $until = Deadline::now() + $seconds;
        while (($left = $until - Deadline::now()) > 0.0) {
            $deadline->check();
            usleep((int) (1e6 * min($left, self::TICK_SECONDS)));
        }
    }
}
