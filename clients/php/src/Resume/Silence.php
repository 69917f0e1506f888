<?php

declare(strict_types=1);

namespace Rowferry\Resume;

use Rowferry\Deadline;
use Rowferry\Exception\DeadlineExceededException;
use Rowferry\Exception\Errors;

/**
 * Finds out whether a connection on which nothing moves is dead, or the service is only slow.
 */
final class Silence
{
    private float $askedAt;

    /** @param float $patienceSeconds for the answer */
    public function __construct(private readonly float $seconds, private readonly float $patienceSeconds = 10.0)
    {
        $this->askedAt = Deadline::now();
    }

    /** Throws UnreachableException if the service does not answer. */
    public function check(ResumableStream $stream, Deadline $deadline): void
    {
        if ($stream->connectingSeconds() > $this->seconds) {
            throw Errors::unreachable("{$stream->address()} does not answer");
        }
        $quiet = min($deadline->idleSeconds(), Deadline::now() - $this->askedAt);
        if ($stream->isConnected() && $quiet > $this->seconds) {
            $this->askedAt = Deadline::now();
            $this->ask($stream);
        }
    }

    private function ask(ResumableStream $stream): void
    {
        try {
            $stream->status(Deadline::after($this->patienceSeconds));
        } catch (DeadlineExceededException) {
            // Not the caller's time is over, but ours.
            throw Errors::unreachable("{$stream->address()} does not answer");
        }
    }
}
