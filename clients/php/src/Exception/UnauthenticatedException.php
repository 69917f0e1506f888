<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * No token, or one that is not good: UNAUTHENTICATED.
 */
final class UnauthenticatedException extends RowferryException
{
}
