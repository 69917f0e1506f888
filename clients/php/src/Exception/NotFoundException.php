<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * There is no such task, or it is another client's: NOT_FOUND.
 */
final class NotFoundException extends RowferryException
{
}
