<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * The task, or what was sent before, does not allow it: INVALID_STATE, IDEMPOTENCY_CONFLICT, ...
 */
final class ConflictException extends RowferryException
{
}
