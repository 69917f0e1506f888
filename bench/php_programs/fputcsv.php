<?php

declare(strict_types=1);

// php fputcsv.php ROWS FILE: what a program without any library does.

require __DIR__ . '/rows.php';

[, $count, $path] = $argv;

measure((int) $count, static function (Generator $rows) use ($path): array {
    $file = fopen($path, 'wb');
    fputcsv($file, array_keys(COLUMNS), escape: '');
    foreach ($rows as $row) {
        fputcsv($file, $row, escape: '');
    }
    fclose($file);
    return ['file_bytes' => filesize($path)];
});
