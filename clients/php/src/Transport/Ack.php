<?php

declare(strict_types=1);

namespace Rowferry\Transport;

/**
 * Everything up to a batch survives a crash of the service: the contract's BatchAck.
 */
final class Ack
{
    public function __construct(
        public readonly int $sequence,
        public readonly int $rows,
        public readonly int $bytes = 0,
    ) {
    }
}
