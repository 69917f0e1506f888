<?php

declare(strict_types=1);

// php query.php DSN "SELECT ...": the result of a query to an XLSX file. Memory stays small whatever its size.

use Rowferry\Column;
use Rowferry\DataType;
use Rowferry\Format;
use Rowferry\Rowferry;

require __DIR__ . '/../autoload.php'; // with Composer: vendor/autoload.php

[, $dsn, $sql] = $argv;

$database = new PDO($dsn, getenv('DB_USER') ?: null, getenv('DB_PASSWORD') ?: null, [
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
    PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_NUM,
]);
if ($database->getAttribute(PDO::ATTR_DRIVER_NAME) === 'mysql') {
    // Otherwise the driver holds the whole result in memory before the first row.
    $database->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, false);
}
// PostgreSQL's driver holds the whole result: declare a cursor there, and FETCH from it.

$statement = $database->query($sql);
$columns = [];
for ($index = 0; $index < $statement->columnCount(); $index++) {
    $meta = $statement->getColumnMeta($index);
    $declared = $meta['sqlite:decl_type'] ?? $meta['native_type'] ?? '';
    $isNumber = preg_match('/INT|REAL|DOUBLE|FLOAT|DECIMAL|NUMERIC/i', $declared) === 1;
    $columns[] = new Column($meta['name'], $isNumber ? DataType::Number : DataType::String);
}

$result = Rowferry::connect(getenv('ROWFERRY_ADDRESS') ?: '127.0.0.1:9090')->export(
    $statement, // a statement is iterable
    columns: $columns,
    format: Format::Xlsx,
    filename: 'result',
);

printf("%d rows, %.1f MiB of memory:\n%s\n", $result->recordCount, memory_get_peak_usage() / 2 ** 20, $result->url);
