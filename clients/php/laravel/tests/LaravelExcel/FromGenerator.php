<?php

declare(strict_types=1);

namespace Maatwebsite\Excel\Concerns;

interface FromGenerator
{
    public function generator(): \Generator;
}
