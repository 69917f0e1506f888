<?php

declare(strict_types=1);

// Exports the data set: --rows --format=csv|xlsx --pause-at=ROW --request-id --wait --cancel-at=ROW --tell-progress

namespace Rowferry\Tests;

use Rowferry\Exception\RowferryException;
use Rowferry\Format;
use Rowferry\Progress;

require __DIR__ . '/program.php';

$pauseAt = (int) option('pause-at', '0');
$cancelAt = (int) option('cancel-at', '0');
$rows = (static function () use ($pauseAt): \Generator {
    foreach (Dataset::rows((int) option('rows')) as $index => $row) {
        if ($index + 1 === $pauseAt) {
            gate('paused');
        }
        yield $row;
    }
})();
$last = null;
try {
    $result = client()->export(
        $rows,
        Dataset::columns(),
        option('format', 'csv') === 'csv' ? Format::Csv : Format::Xlsx,
        'dataset',
        requestId: option('request-id') ?: null,
        onProgress: static function (Progress $progress) use (&$last, $cancelAt): bool {
            $last = $progress;
            if (option('tell-progress') !== '') {
                tell('progress', [
                    'rows_sent' => $progress->rowsSent,
                    'rows_kept' => $progress->rowsKept,
                    'peak_bytes' => memory_get_peak_usage(),
                ]);
            }
            return $cancelAt === 0 || $progress->rowsSent < $cancelAt;
        },
        wait: option('wait') === '' ? null : (float) option('wait'),
    );
    tell('done', [
        'state' => $result->state->value,
        'task_id' => $result->taskId,
        'request_id' => $result->requestId,
        'url' => $result->url,
        'sha256' => $result->sha256,
        'rows' => $result->recordCount,
        'rows_kept' => $last->rowsKept,
        'reconnects' => $last->reconnects,
        'peak_bytes' => memory_get_peak_usage(),
    ]);
} catch (RowferryException $error) {
    tellFailure($error);
}
