<?php

declare(strict_types=1);

namespace App\Exports;

use App\Models\Order;
use Maatwebsite\Excel\Concerns\FromQuery;
use Maatwebsite\Excel\Concerns\WithColumnFormatting;
use Maatwebsite\Excel\Concerns\WithHeadings;
use Maatwebsite\Excel\Concerns\WithMapping;

/**
 * An export class of Laravel Excel, as it was before.
 */
class OrdersExport implements FromQuery, WithHeadings, WithMapping, WithColumnFormatting
{
    public function __construct(private readonly int $year)
    {
    }

    public function query()
    {
        return Order::query()->whereYear('ordered_at', $this->year);
    }

    public function headings(): array
    {
        return ['Order', 'Customer', 'Amount', 'Ordered'];
    }

    /** @param Order $row */
    public function map($row): array
    {
        return [$row->number, $row->customer, $row->amount, $row->ordered_at];
    }

    public function columnFormats(): array
    {
        return ['C' => '#,##0.00', 'D' => 'yyyy-mm-dd'];
    }
}
