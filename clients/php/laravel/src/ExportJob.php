<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Events\Dispatcher;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Queue\InteractsWithQueue;
use Illuminate\Queue\SerializesModels;
use Illuminate\Support\Str;
use Rowferry\Laravel\Events\ExportStored;
use Throwable;

/**
 * An export in a queue. `tries`, `timeout`, `backoff`, `middleware()` and `failed()` are the export class's.
 */
final class ExportJob implements ShouldQueue
{
    use InteractsWithQueue;
    use Queueable;
    use SerializesModels;

    public ?int $tries;

    public ?int $timeout;

    /** @var int|list<int>|null seconds */
    public int|array|null $backoff;

    public string $requestId;

    /** @param array<string, mixed>|string $diskOptions */
    public function __construct(
        public object $export,
        public string $filePath,
        public ?string $disk,
        public ?string $writerType,
        public array|string $diskOptions,
    ) {
        $this->tries = $export->tries ?? null;
        $this->timeout = $export->timeout ?? null;
        $this->backoff = $export->backoff ?? null;
        $this->requestId = (string) Str::uuid();
    }

    public function handle(Exports $exports, Dispatcher $events): void
    {
        $result = $exports->storeNow(
            $this->export,
            $this->filePath,
            $this->disk,
            $this->writerType,
            $this->diskOptions,
            // Each attempt begins anew: the table may have changed, and two halves of it are no table.
            $this->requestId . '-' . $this->attempts(),
        );
        $events->dispatch(new ExportStored($this->export, $this->filePath, $result));
    }

    public function failed(Throwable $error): void
    {
        if (method_exists($this->export, 'failed')) {
            $this->export->failed($error);
        }
    }

    /** @return array<int, object> */
    public function middleware(): array
    {
        return method_exists($this->export, 'middleware') ? $this->export->middleware() : [];
    }

    /** What lists and logs of queues show. */
    public function displayName(): string
    {
        return $this->export::class;
    }
}
