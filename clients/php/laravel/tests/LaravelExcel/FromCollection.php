<?php

declare(strict_types=1);

namespace Maatwebsite\Excel\Concerns;

interface FromCollection
{
    public function collection();
}
