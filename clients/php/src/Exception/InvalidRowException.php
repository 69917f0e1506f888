<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * A row can't be used: INVALID_ROW. The context names row (from 1), column (from 0), expected, got.
 */
final class InvalidRowException extends RowferryException
{
}
