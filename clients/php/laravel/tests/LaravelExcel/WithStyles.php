<?php

declare(strict_types=1);

namespace Maatwebsite\Excel\Concerns;

interface WithStyles
{
    public function styles($sheet);
}
