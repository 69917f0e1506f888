<?php

declare(strict_types=1);

// php plain.php: a hundred thousand rows to an XLSX file, without Composer and without a framework.

use Rowferry\Column;
use Rowferry\DataType;
use Rowferry\Format;
use Rowferry\Progress;
use Rowferry\Rowferry;

require __DIR__ . '/../autoload.php'; // with Composer: vendor/autoload.php

/** Rows are drawn as there is room for them: never all are in memory. */
function orders(int $count): Generator
{
    for ($number = 1; $number <= $count; $number++) {
        yield [
            'number' => sprintf('SO-%06d', $number),
            'customer' => "客户 $number",
            'amount' => $number * 0.25,
            'ordered' => new DateTimeImmutable('2026-03-01 +' . $number % 365 . ' days'),
            'paid' => $number % 3 > 0,
        ];
    }
}

$result = Rowferry::connect(getenv('ROWFERRY_ADDRESS') ?: '127.0.0.1:9090')->export(
    orders(100_000),
    columns: [
        new Column('Order', key: 'number'),
        new Column('Customer', key: 'customer'),
        new Column('Amount', DataType::Number, '#,##0.00', key: 'amount'),
        new Column('Ordered on', DataType::Date, 'yyyy-mm-dd', key: 'ordered'),
        new Column('Paid', DataType::Boolean, key: 'paid'),
    ],
    format: Format::Xlsx,
    filename: 'orders',
    onProgress: static fn (Progress $progress) => fwrite(STDERR, "\r$progress->rowsKept rows"),
);

echo "\n$result->recordCount rows, $result->fileSizeBytes bytes:\n$result->url\n";
