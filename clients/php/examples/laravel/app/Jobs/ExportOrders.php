<?php

declare(strict_types=1);

namespace App\Jobs;

use App\Models\Order;
use Generator;
use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Bus\Dispatchable;
use Illuminate\Queue\InteractsWithQueue;
use Illuminate\Support\Facades\Cache;
use Rowferry\Column;
use Rowferry\DataType;
use Rowferry\ExportOptions;
use Rowferry\Format;
use Rowferry\Progress;
use Rowferry\Rowferry;
use Throwable;

/**
 * A job that uses the client itself, and tells how far it is.
 *
 * `retry_after` of the queue's connection must be longer than the longest export, or a second worker begins
 * the job again while the first one is at it.
 */
class ExportOrders implements ShouldQueue
{
    use Dispatchable;
    use InteractsWithQueue;
    use Queueable;

    public int $tries = 3;

    public int $timeout = 1800;

    public function __construct(private readonly int $year, private readonly string $id)
    {
    }

    public function handle(Rowferry $rowferry): void
    {
        $result = $rowferry->export(
            $this->rows(),
            columns: [
                new Column('Order', key: 'number'),
                new Column('Amount', DataType::Number, '#,##0.00', key: 'amount'),
                new Column('Ordered', DataType::Date, 'yyyy-mm-dd', key: 'ordered_at'),
            ],
            format: Format::Xlsx,
            filename: "orders-$this->year.xlsx",
            // Another try is another export: rows may have changed between the two.
            requestId: "$this->id-{$this->attempts()}",
            options: new ExportOptions(timezone: config('app.timezone')),
            onProgress: fn (Progress $progress) => $this->tell('running', ['rows' => $progress->rowsKept]),
        );
        $this->tell('done', ['rows' => $result->recordCount, 'url' => $result->url]);
    }

    public function failed(Throwable $error): void
    {
        $this->tell('failed', []);
    }

    private function rows(): Generator
    {
        $orders = Order::query()->whereYear('ordered_at', $this->year)->lazyById(1000);
        foreach ($orders as $order) {
            yield [
                'number' => $order->number,
                'amount' => $order->amount,
                'ordered_at' => $order->ordered_at,
            ];
        }
    }

    /** @param array<string, mixed> $more */
    private function tell(string $state, array $more): void
    {
        Cache::put("export-$this->id", ['state' => $state] + $more, now()->addDay());
    }
}
