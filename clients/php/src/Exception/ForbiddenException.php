<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * The client is known and may not do this: FORBIDDEN.
 */
final class ForbiddenException extends RowferryException
{
}
