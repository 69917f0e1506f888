<?php

declare(strict_types=1);

namespace Maatwebsite\Excel\Concerns;

interface WithMapping
{
    public function map($row): array;
}
