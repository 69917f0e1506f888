<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * The task ended without a file; the code is the task's own.
 */
final class ExportFailedException extends RowferryException
{
}
