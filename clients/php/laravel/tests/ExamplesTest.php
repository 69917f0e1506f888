<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Tests;

use App\Http\Controllers\OrderDownloadController;
use App\Models\Order;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

/**
 * The application of examples/laravel, with the real service at ROWFERRY_ADDRESS.
 */
final class ExamplesTest extends LaravelTestCase
{
    protected function setUp(): void
    {
        $this->application();
        Schema::create('orders', static function (Blueprint $table): void {
            $table->id();
            $table->string('number');
            $table->string('customer');
            $table->decimal('amount');
            $table->dateTime('ordered_at');
        });
        foreach ([1, 2] as $number) {
            Order::create([
                'number' => "2026-$number",
                'customer' => '客户',
                'amount' => "$number.25",
                'ordered_at' => '2026-01-0' . $number + 1 . ' 00:00:00',
            ]);
        }
        Order::create(['number' => '2025-9', 'customer' => 'x', 'amount' => 1, 'ordered_at' => '2025-12-31 23:59:59']);
    }

    public function testTheBrowserIsSentToTheFile(): void
    {
        $response = (new OrderDownloadController())->download(2026);
        self::assertSame(302, $response->getStatusCode());
        self::assertStringStartsWith('PK', (string) file_get_contents($response->headers->get('Location')));
    }

    public function testAJobTellsWhenTheFileIsThere(): void
    {
        $controller = new OrderDownloadController();
        $id = $controller->begin(2026)->getData()->id;
        $shown = $controller->show($id)->getData(true);

        self::assertSame(['done', 2], [$shown['state'], $shown['rows']]);
        self::assertStringStartsWith('PK', (string) file_get_contents($shown['url']));
        self::assertSame('waiting', $controller->show('another')->getData()->state);
    }
}
