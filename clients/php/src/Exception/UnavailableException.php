<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * The service can't do it now: SHUTTING_DOWN, DATABASE_UNAVAILABLE, STORAGE_UNAVAILABLE, ...
 */
final class UnavailableException extends RowferryException
{
}
