<?php

declare(strict_types=1);

// Shows the client, an export and an exception as debuggers and logs do, and tells whether the token is there.

namespace Rowferry\Tests;

use Rowferry\Exception\RowferryException;
use Rowferry\Format;

require __DIR__ . '/program.php';

ini_set('zend.exception_ignore_args', '0');
$token = getenv('ROWFERRY_TOKEN');
$shown = static function (mixed $value) use ($token): bool {
    ob_start();
    var_dump($value);
    return str_contains(ob_get_clean() . print_r($value, true), $token);
};
$client = client();
$export = $client->open(['n'], Format::Csv, 'shown');
$export->write([1]);
$export->flush();
$watch = $client->watch($export->taskId());
$watch->current();
tell('shown', ['client' => $shown($client), 'export' => $shown($export), 'watch' => $shown($watch)]);
$export->cancel();
try {
    $client->status('0123');
} catch (RowferryException $error) {
    tell('shown', ['exception' => $shown($error), 'text' => str_contains((string) $error, $token)]);
}
