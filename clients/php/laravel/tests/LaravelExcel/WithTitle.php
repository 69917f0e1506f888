<?php

declare(strict_types=1);

namespace Maatwebsite\Excel\Concerns;

interface WithTitle
{
    public function title(): string;
}
