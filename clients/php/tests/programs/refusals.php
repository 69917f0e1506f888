<?php

declare(strict_types=1);

// Asks for what the service refuses.

namespace Rowferry\Tests;

use Rowferry\Exception\RowferryException;
use Rowferry\Format;
use Rowferry\Rowferry;

require __DIR__ . '/program.php';

function refused(string $name, \Closure $call): void
{
    tell('refusal', ['name' => $name]);
    try {
        $call();
        tell('done');
    } catch (RowferryException $error) {
        tellFailure($error);
    }
}

$export = static fn (Rowferry $client, mixed ...$more) => $client->export(
    ...$more + ['rows' => [['x']], 'columns' => ['Text'], 'format' => Format::Csv],
);
$stranger = static fn (string $token): Rowferry => Rowferry::connect(
    getenv('ROWFERRY_ADDRESS'),
    token: $token,
    transport: getenv('ROWFERRY_TRANSPORT'),
);
$id = bin2hex(random_bytes(8));
$export(client(), requestId: $id);
refused('another content under the same request', static fn () => $export(
    client(),
    requestId: $id,
    columns: ['Another'],
));
refused('a row that no message takes', static fn () => $export(client(), rows: [[str_repeat('x', 1 << 20)]]));
refused('no token', static fn () => $export($stranger('')));
refused('a token that nobody knows', static fn () => $stranger('unknown')->status('0123'));
refused('columns that are none', static fn () => $export(client(), columns: []));
