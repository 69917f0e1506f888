<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Tests\Fixtures;

use Illuminate\Contracts\Queue\ShouldQueue;
use Maatwebsite\Excel\Concerns\FromArray;
use Maatwebsite\Excel\Concerns\WithHeadings;

final class QueuedExport implements FromArray, WithHeadings, ShouldQueue
{
    public function array(): array
    {
        return [['x']];
    }

    public function headings(): array
    {
        return ['Text'];
    }
}
