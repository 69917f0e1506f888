<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * What the cells of a column are taken for; docs/fidelity.md says what becomes of their values.
 */
enum DataType: string
{
    case String = 'STRING';
    case Number = 'NUMBER';
    case Date = 'DATE';
    case Boolean = 'BOOLEAN';
}
