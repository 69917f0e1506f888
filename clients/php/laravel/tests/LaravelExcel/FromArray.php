<?php

declare(strict_types=1);

namespace Maatwebsite\Excel\Concerns;

interface FromArray
{
    public function array(): array;
}
