<?php

declare(strict_types=1);

namespace Rowferry\Wire;

/**
 * Bytes that are no protobuf message of the contract. Transports make it UnreachableException.
 */
final class MalformedMessage extends \UnexpectedValueException
{
}
