<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use Illuminate\Foundation\Bus\PendingDispatch;
use Rowferry\ExportResult;
use Symfony\Component\HttpFoundation\Response;

/**
 * `(new UsersExport)->download('users.xlsx')`: in the place of Laravel Excel's trait of this name.
 */
trait Exportable
{
    /** @param array<string, string> $headers */
    public function download(string $fileName, ?string $writerType = null, array $headers = []): Response
    {
        return app(Exports::class)->download($this, $fileName, $writerType, $headers);
    }

    /** @param array<string, mixed>|string $diskOptions */
    public function store(
        string $filePath,
        ?string $disk = null,
        ?string $writerType = null,
        array|string $diskOptions = [],
    ): ExportResult|PendingDispatch {
        return app(Exports::class)->store($this, $filePath, $disk, $writerType, $diskOptions);
    }

    /** @param array<string, mixed>|string $diskOptions */
    public function queue(
        string $filePath,
        ?string $disk = null,
        ?string $writerType = null,
        array|string $diskOptions = [],
    ): PendingDispatch {
        return app(Exports::class)->queue($this, $filePath, $disk, $writerType, $diskOptions);
    }
}
