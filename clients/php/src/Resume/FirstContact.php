<?php

declare(strict_types=1);

namespace Rowferry\Resume;

/**
 * Whether anybody has ever answered a client, even with a refusal: who never did may be at another address.
 */
final class FirstContact
{
    private bool $isMade = false;

    public function isMade(): bool
    {
        return $this->isMade;
    }

    public function made(): void
    {
        $this->isMade = true;
    }
}
