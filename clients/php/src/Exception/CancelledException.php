<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * The caller gave up, by a callback that returned false: CANCELLED.
 */
final class CancelledException extends RowferryException
{
}
