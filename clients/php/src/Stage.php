<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * What is done to a task that is PROCESSING. The values are the contract's names.
 */
enum Stage: string
{
    case Unspecified = 'STAGE_UNSPECIFIED';
    case Initialized = 'INITIALIZED';
    case Writing = 'WRITING';
    case Finalizing = 'FINALIZING';
}
