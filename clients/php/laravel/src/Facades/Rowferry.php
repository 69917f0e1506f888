<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Facades;

use Illuminate\Foundation\Bus\PendingDispatch;
use Illuminate\Support\Facades\Facade;
use Rowferry\ExportResult;
use Rowferry\Laravel\Exports;
use Symfony\Component\HttpFoundation\Response;

/**
 * @method static Response download(object $export, string $fileName, ?string $writerType = null, array $headers = [])
 * @method static ExportResult|PendingDispatch store(object $export, string $filePath, ?string $disk = null)
 * @method static PendingDispatch queue(object $export, string $filePath, ?string $disk = null)
 * @method static \Rowferry\Rowferry client()
 *
 * @see Exports which has all arguments
 */
final class Rowferry extends Facade
{
    protected static function getFacadeAccessor(): string
    {
        return Exports::class;
    }
}
