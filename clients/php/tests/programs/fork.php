<?php

declare(strict_types=1);

// Exports, and again in a child of this process, and in the parent once more; beside an export that is open.

namespace Rowferry\Tests;

use Rowferry\Format;

require __DIR__ . '/program.php';

$client = client();
$export = static function (string $process) use ($client): void {
    try {
        tell($process, ['state' => $client->export([[1]], ['A'], Format::Csv)->state->value]);
    } catch (\LogicException $error) {
        tell($process, ['refused' => $error->getMessage()]);
    }
};
$export('before');
$open = $client->open(['A'], Format::Csv);
$open->write([1]);
$open->flush();
$child = pcntl_fork();
if ($child === 0) {
    foreach (['flush' => [], 'finish' => [], 'cancel' => ['in a child']] as $method => $arguments) {
        try {
            $open->$method(...$arguments);
            tell('held', ['refused' => '']);
        } catch (\LogicException $error) {
            tell('held', ['refused' => $error->getMessage()]);
        }
    }
    $open->close();
    $export('child');
    // Ends without the destructors of what is the parent's.
    posix_kill(getmypid(), SIGKILL);
}
pcntl_waitpid($child, $status);
tell('ended', ['rows' => $open->finish()->recordCount]);
$export('parent');
