<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Tests\Fixtures;

use Maatwebsite\Excel\Concerns\FromQuery;
use Maatwebsite\Excel\Concerns\WithColumnFormatting;
use Maatwebsite\Excel\Concerns\WithCustomChunkSize;
use Maatwebsite\Excel\Concerns\WithHeadings;
use Maatwebsite\Excel\Concerns\WithMapping;
use Maatwebsite\Excel\Concerns\WithTitle;
use Rowferry\Laravel\Exportable;

/**
 * As one writes it for Laravel Excel; only the trait is this package's.
 */
final class UsersExport implements
    FromQuery,
    WithHeadings,
    WithMapping,
    WithTitle,
    WithColumnFormatting,
    WithCustomChunkSize
{
    use Exportable;

    public function query()
    {
        return User::query();
    }

    public function headings(): array
    {
        return ['#', 'Name', 'Balance', 'Active', 'Joined'];
    }

    public function map($row): array
    {
        return [$row->id, $row->name, $row->balance, $row->active, $row->joined_at];
    }

    public function title(): string
    {
        return 'Users: all';
    }

    public function columnFormats(): array
    {
        return ['C' => '0.00'];
    }

    public function chunkSize(): int
    {
        return 100;
    }
}
