<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * The caller's own time is over: DEADLINE_EXCEEDED.
 */
final class DeadlineExceededException extends RowferryException
{
}
