<?php

declare(strict_types=1);

namespace App\Http\Controllers;

use App\Exports\OrdersExport;
use App\Jobs\ExportOrders;
use Illuminate\Http\JsonResponse;
use Illuminate\Support\Facades\Cache;
use Illuminate\Support\Str;
use Rowferry\Laravel\Facades\Rowferry;
use Symfony\Component\HttpFoundation\Response;

/**
 * Two ways to a file. Routes:
 *
 *     Route::get('/orders/{year}.xlsx', [OrderDownloadController::class, 'download']);
 *     Route::post('/orders/{year}/export', [OrderDownloadController::class, 'begin']);
 *     Route::get('/exports/{id}', [OrderDownloadController::class, 'show']);
 */
class OrderDownloadController
{
    /**
     * For seconds: the request waits for the file, then the browser is sent to it. With
     * ROWFERRY_DOWNLOADS=proxy the file comes through this server.
     */
    public function download(int $year): Response
    {
        return Rowferry::download(new OrdersExport($year), "orders-$year.xlsx");
    }

    /** For minutes: a worker exports, and the page asks `show` how far it is. */
    public function begin(int $year): JsonResponse
    {
        $id = (string) Str::uuid();
        ExportOrders::dispatch($year, $id);
        return new JsonResponse(['id' => $id], Response::HTTP_ACCEPTED);
    }

    public function show(string $id): JsonResponse
    {
        return new JsonResponse(Cache::get("export-$id", ['state' => 'waiting']));
    }
}
