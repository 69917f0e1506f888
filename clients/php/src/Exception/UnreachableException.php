<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * There is no connection, or it broke: UNREACHABLE.
 */
final class UnreachableException extends RowferryException
{
}
