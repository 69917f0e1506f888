<?php

declare(strict_types=1);

namespace Maatwebsite\Excel\Concerns;

interface FromView
{
    public function view();
}
