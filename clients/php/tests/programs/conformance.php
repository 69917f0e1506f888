<?php

declare(strict_types=1);

// Exports the rows of each case of clients/conformance.json.

namespace Rowferry\Tests;

use Rowferry\Column;
use Rowferry\DataType;
use Rowferry\Exception\RowferryException;
use Rowferry\ExportOptions;
use Rowferry\Format;

require __DIR__ . '/program.php';

/** The values of `{"$enum": ...}`. */
enum Word: string
{
    case Paid = 'paid';
}

function cell(mixed $cell): mixed
{
    if (!$cell instanceof \stdClass) {
        return $cell;
    }
    [$kind, $value] = [key((array) $cell), current((array) $cell)];
    return match ($kind) {
        '$int' => is_int($value + 0) ? $value + 0 : $value,
        '$float' => match ($value) {
            'nan' => NAN,
            'inf' => INF,
            '-inf' => -INF,
            default => (float) $value,
        },
        '$datetime_offset' => new \DateTimeImmutable($value),
        '$enum' => Word::from($value),
        '$text_object' => new class ($value) {
            public function __construct(private readonly string $text)
            {
            }

            public function __toString(): string
            {
                return $this->text;
            }
        },
        '$bytes_hex' => hex2bin($value),
        '$object' => new \ArrayObject((array) $value),
    };
}

function rows(\stdClass $case): iterable
{
    if (isset($case->generated)) {
        for ($n = 1; $n <= $case->generated->rows; $n++) {
            yield [$n, "行 $n, \"x\"", $n * 7919 % 100003, $n % 16 === 0 ? null : $n % 2 === 0];
        }
        return;
    }
    foreach ($case->rows as $row) {
        yield array_map(cell(...), (array) $row);
    }
}

function options(\stdClass $case): ExportOptions
{
    $named = [];
    foreach ((array) ($case->options ?? []) as $name => $value) {
        $named[lcfirst(str_replace('_', '', ucwords($name, '_')))] = $value;
    }
    return new ExportOptions(...$named);
}

function columns(\stdClass $case): array
{
    return array_map(static fn (\stdClass $column): Column => new Column(
        $column->name,
        DataType::from($column->data_type),
        $column->format ?? '',
        $column->width ?? 0,
        $column->key ?? null,
    ), $case->columns);
}

$table = json_decode(file_get_contents(__DIR__ . '/../../../conformance.json'), false, 512, JSON_THROW_ON_ERROR);
$client = client();
foreach ($table->cases as $case) {
    if (isset($case->skip->php)) {
        continue;
    }
    tell('case', ['name' => $case->name]);
    try {
        $result = $client->export(
            rows($case),
            columns($case),
            Format::from($case->format),
            'conformance',
            options: options($case),
        );
        tell('done', ['url' => $result->url, 'sha256' => $result->sha256]);
    } catch (RowferryException $error) {
        tellFailure($error);
    }
}
