<?php

declare(strict_types=1);

namespace Maatwebsite\Excel\Concerns;

interface WithCustomCsvSettings
{
    public function getCsvSettings(): array;
}
