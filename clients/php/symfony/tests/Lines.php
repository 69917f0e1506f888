<?php

declare(strict_types=1);

namespace Rowferry\Symfony\Tests;

use Psr\Log\AbstractLogger;

/**
 * A log that is kept.
 */
final class Lines extends AbstractLogger
{
    /** @var list<string> */
    public array $lines = [];

    /** @param mixed[] $context */
    public function log($level, $message, array $context = []): void
    {
        $this->lines[] = (string) $message;
    }
}
