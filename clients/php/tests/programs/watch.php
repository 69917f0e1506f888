<?php

declare(strict_types=1);

// Opens an export, watches its task until it ends behind a gate.

namespace Rowferry\Tests;

use Rowferry\Format;

require __DIR__ . '/program.php';

$client = client();
$export = $client->open(['n'], Format::Csv, 'watched');
$export->write([1]);
$export->flush();
$id = $export->taskId();
$states = $client->watch($id);
tell('state', ['state' => $states->current()->state->value, 'task_id' => $id]);
tell('timed', ['state' => $client->wait($id, seconds: 0.5)->state->value]);
tell('at once', ['state' => $client->wait($id, seconds: 0.0)->state->value]);
gate('watching');
$export->finish();
for ($states->next(); $states->valid(); $states->next()) {
    $status = $states->current();
    tell('state', ['state' => $status->state->value, 'task_id' => $status->taskId]);
}
tell('done', ['url' => $status->url, 'rows' => $status->recordsProcessed]);
