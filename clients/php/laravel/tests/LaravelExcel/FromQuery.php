<?php

declare(strict_types=1);

namespace Maatwebsite\Excel\Concerns;

interface FromQuery
{
    public function query();
}
