<?php

declare(strict_types=1);

namespace Rowferry\Resume;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
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
    private readonly float $begunAt;
    /** @var \Closure(): float */
    private readonly \Closure $now;

    /** @param (\Closure(): float)|null $now seconds of a clock, `Deadline::now` by default */
    public function __construct(
        private readonly RetryPolicy $policy,
        private readonly FirstContact $contact,
        ?\Closure $now = null,
    ) {
        $this->now = $now ?? Deadline::now(...);
        $this->begunAt = ($this->now)();
    }

    /** Something got on: the patience is whole again. */
    public function progressed(): void
    {
        $this->contact->made();
        $this->failures = 0;
        $this->stuckSince = null;
    }

    /** Nothing got on, but the service said so: the patience is whole again, while pauses go on growing. */
    public function answered(): void
    {
        $this->connected();
        $this->stuckSince = null;
    }

    /** The service answered a new connection. If that stands for a while, its end is another outage. */
    public function connected(): void
    {
        $this->contact->made();
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
                $answer = $call($deadline);
                $this->contact->made();
                return $answer;
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
        if (Errors::isAnswer($error)) {
            $this->contact->made();
        }
        if (!Errors::isPassing($error)) {
            throw $error;
        }
        $now = ($this->now)();
        if ($this->connectedAt !== null && $now - $this->connectedAt > RetryPolicy::LONGEST_PAUSE_SECONDS) {
            $this->progressed();
        }
        $this->connectedAt = null;
        $this->stuckSince ??= $now;
        $this->failures++;
        $asked = (float) ($error->context['retry_after_seconds'] ?? 0);
        $left = $this->endsAt($this->stuckSince) - $now;
        if ($left <= $asked) {
            throw $error;
        }
        $pause = RetryPolicy::pauseSeconds($this->failures, mt_rand() / mt_getrandmax());
        return max($asked, min($pause, $left)); // the last try is at the end of the time, not a long pause before it
    }

    /** When it is not tried again any more. */
    private function endsAt(float $stuckSince): float
    {
        $end = $stuckSince + $this->policy->retryForSeconds;
        return $this->contact->isMade() ? $end : min($end, $this->begunAt + $this->policy->connectForSeconds);
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
