<?php

declare(strict_types=1);

// php export.php ROWS FORMAT ADDRESS TRANSPORT: the client, from the first row to the link.

use Rowferry\DataType;
use Rowferry\Format;
use Rowferry\Rowferry;

require __DIR__ . '/rows.php';
require __DIR__ . '/../../clients/php/autoload.php';

[, $count, $format, $address, $transport] = $argv;

measure((int) $count, static function (Generator $rows) use ($format, $address, $transport): array {
    $result = Rowferry::connect($address, transport: $transport)->export(
        $rows,
        columns: array_map(DataType::from(...), COLUMNS),
        format: Format::from($format),
        filename: 'orders',
    );
    return ['file_bytes' => $result->fileSizeBytes, 'rows' => $result->recordCount, 'sha256' => $result->sha256];
});
