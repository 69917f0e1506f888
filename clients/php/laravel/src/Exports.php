<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use Illuminate\Contracts\Filesystem\Factory as Disks;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Bus\PendingDispatch;
use InvalidArgumentException;
use Psr\Log\LoggerInterface;
use Rowferry\ExportResult;
use Rowferry\Format;
use Rowferry\Rowferry;
use RuntimeException;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpFoundation\StreamedResponse;

/**
 * Export classes of Laravel Excel, written by Rowferry. Arguments stand in the places that they have there.
 *
 * Not final: a test may put a double in its place (`Rowferry::shouldReceive(...)`).
 */
class Exports
{
    /**
     * @param int $chunkRows rows of a query by key
     * @param string $timezone IANA name of the zone in which moments are shown
     * @param bool $redirects downloads redirect to the link; else they pass through this server
     */
    public function __construct(
        private readonly Rowferry $client,
        private readonly Disks $disks,
        private readonly LoggerInterface $log,
        private readonly int $chunkRows,
        private readonly string $timezone,
        private readonly bool $redirects,
    ) {
    }

    /** Everything that is no export class: `export()`, `open()`, `status()`, `cancel()`, ... */
    public function client(): Rowferry
    {
        return $this->client;
    }

    /**
     * Exports, and answers with the file.
     *
     * @param array<string, string> $headers of the answer
     */
    public function download(
        object $export,
        string $fileName,
        ?string $writerType = null,
        array $headers = [],
    ): Response {
        $url = $this->write($export, $fileName, $writerType)->url;
        if ($this->redirects) {
            return new RedirectResponse($url, Response::HTTP_FOUND, $headers);
        }
        $file = LinkedFile::open($url);
        return new StreamedResponse($file->send(...), Response::HTTP_OK, $headers + $file->headers());
    }

    /**
     * Exports. Without a disk the file stays where the service stores it, with one it is copied there.
     *
     * @param array<string, mixed>|string $diskOptions of the disk, or the file's visibility
     * @return ExportResult|PendingDispatch a dispatch where the class is `ShouldQueue`
     */
    public function store(
        object $export,
        string $filePath,
        ?string $disk = null,
        ?string $writerType = null,
        array|string $diskOptions = [],
    ): ExportResult|PendingDispatch {
        if ($export instanceof ShouldQueue) {
            return $this->queue($export, $filePath, $disk, $writerType, $diskOptions);
        }
        return $this->storeNow($export, $filePath, $disk, $writerType, $diskOptions);
    }

    /**
     * Exports in a job; `Events\ExportStored` is fired when the file is there.
     *
     * @param array<string, mixed>|string $diskOptions
     */
    public function queue(
        object $export,
        string $filePath,
        ?string $disk = null,
        ?string $writerType = null,
        array|string $diskOptions = [],
    ): PendingDispatch {
        self::format($filePath, $writerType);
        return new PendingDispatch(new ExportJob($export, $filePath, $disk, $writerType, $diskOptions));
    }

    /**
     * @internal what `store()` and the job share
     * @param array<string, mixed>|string $diskOptions
     * @param string|null $requestId the same again finds the same export
     */
    public function storeNow(
        object $export,
        string $filePath,
        ?string $disk,
        ?string $writerType,
        array|string $diskOptions,
        ?string $requestId = null,
    ): ExportResult {
        $result = $this->write($export, $filePath, $writerType, $requestId);
        if ($disk !== null) {
            $this->copy($result, $disk, $filePath, $diskOptions);
        }
        return $result;
    }

    private function write(
        object $export,
        string $filePath,
        ?string $writerType,
        ?string $requestId = null,
    ): ExportResult {
        $class = new ExportClass($export, $this->chunkRows, $this->timezone);
        if ($class->leftOut() !== []) {
            $this->log->notice('Left out of an export: it does not change rows', [
                'export' => $export::class,
                'concerns' => $class->leftOut(),
            ]);
        }
        $format = self::format($filePath, $writerType);
        $table = $class->table();
        return $this->client->export(
            $table->rows,
            columns: $table->columns,
            format: $format,
            filename: basename($filePath),
            requestId: $requestId,
            options: $table->options,
        );
    }

    /** @param array<string, mixed>|string $diskOptions */
    private function copy(ExportResult $result, string $disk, string $filePath, array|string $diskOptions): void
    {
        $stream = LinkedFile::open($result->url)->whole($result->fileSizeBytes);
        $written = $this->disks->disk($disk)->put($filePath, $stream, $diskOptions);
        if (is_resource($stream)) { // some disks close what they read
            fclose($stream);
        }
        if (!$written) {
            throw new RuntimeException("The disk \"$disk\" did not take the exported file");
        }
    }

    private static function format(string $filePath, ?string $writerType): Format
    {
        return match (strtolower($writerType ?? pathinfo($filePath, PATHINFO_EXTENSION))) {
            'xlsx' => Format::Xlsx,
            'csv' => Format::Csv,
            default => throw new InvalidArgumentException('Rowferry writes .xlsx and .csv files'),
        };
    }
}
