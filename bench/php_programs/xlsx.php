<?php

declare(strict_types=1);

// php xlsx.php ROWS FILE: the XLSX writer that is measured beside the client.

require __DIR__ . '/rows.php';
require __DIR__ . '/StreamingXlsxWriter.php';

[, $count, $path] = $argv;

measure((int) $count, static function (Generator $rows) use ($path): array {
    $writer = new StreamingXlsxWriter($path);
    $writer->addRow(Row::fromValues(array_keys(COLUMNS)));
    foreach ($rows as $row) {
        $writer->addRow(Row::fromValues($row));
    }
    $writer->close();
    return ['file_bytes' => filesize($path)];
});
