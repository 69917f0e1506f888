<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * The request itself can't be used: INVALID_METADATA.
 */
final class InvalidRequestException extends RowferryException
{
}
