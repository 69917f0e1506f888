<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * What kind of file is made. The values are the contract's names.
 */
enum Format: string
{
    case Xlsx = 'EXCEL';
    case Csv = 'CSV';
    case JsonLines = 'JSON_LINES';
    case Parquet = 'PARQUET';
}
