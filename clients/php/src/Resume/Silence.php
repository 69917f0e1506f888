<?php

declare(strict_types=1);

namespace Rowferry\Resume;

use Rowferry\Deadline;
use Rowferry\Exception\Errors;

/**
 * Finds out whether a connection on which nothing moves is dead, or the service is only slow.
 */
final class Silence
{
    private const PATIENCE_SECONDS = 10.0;

    private float $askedAt;

    public function __construct(private readonly float $seconds)
    {
        $this->askedAt = Deadline::now();
    }

    /** Throws UnreachableException if the service does not answer. */
    public function check(ResumableStream $stream, Deadline $deadline): void
    {
        if ($stream->connectingSeconds() > $this->seconds) {
            throw Errors::unreachable('the service does not answer');
        }
        $quiet = min($deadline->idleSeconds(), Deadline::now() - $this->askedAt);
        if ($stream->isConnected() && $quiet > $this->seconds) {
            $this->askedAt = Deadline::now();
            $stream->status(Deadline::after(self::PATIENCE_SECONDS));
        }
    }
}
