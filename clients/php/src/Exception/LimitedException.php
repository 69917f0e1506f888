<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * A limit was passed: RATE_LIMITED, QUEUE_FULL, TOO_LARGE, ROW_LIMIT, DISK_FULL.
 */
final class LimitedException extends RowferryException
{
}
