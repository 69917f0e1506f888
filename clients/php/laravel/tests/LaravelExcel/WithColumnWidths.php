<?php

declare(strict_types=1);

namespace Maatwebsite\Excel\Concerns;

interface WithColumnWidths
{
    public function columnWidths(): array;
}
