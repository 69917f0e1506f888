<?php

declare(strict_types=1);

// Asks for tasks, and ends them.

namespace Rowferry\Tests;

use Rowferry\Exception\RowferryException;
use Rowferry\ExportOptions;
use Rowferry\Format;
use Rowferry\TaskFilter;
use Rowferry\TaskState;
use Rowferry\TaskStatus;

require __DIR__ . '/program.php';

function attempt(\Closure $call): void
{
    try {
        $call();
    } catch (RowferryException $error) {
        tellFailure($error);
    }
}

$client = client();
$name = getenv('ROWFERRY_TRANSPORT');
$ids = [];
foreach (range(1, 7) as $number) {
    $options = new ExportOptions(owner: $name, tags: ['number' => (string) $number]);
    $ids[] = $client->export([["row $number"]], ['Text'], Format::Csv, "$name $number", options: $options)->taskId;
}
$status = $client->wait(end($ids));
tell('status', [
    'task_id' => $status->taskId,
    'state' => $status->state->value,
    'format' => $status->format->value,
    'filename' => $status->filename,
    'records_processed' => $status->recordsProcessed,
    'created' => $status->createdTime->format('c'),
    'sha256' => $status->sha256,
]);
$listed = static fn (mixed ...$filter): array => array_map(
    static fn (TaskStatus $task): string => $task->filename,
    iterator_to_array($client->list(new TaskFilter(...$filter, owner: $name)), false),
);
tell('list', ['filenames' => $listed(pageSize: 2)]);
tell('list', ['filenames' => $listed(filenameContains: "$name 3")]);
tell('list', ['filenames' => $listed(states: [TaskState::Failed])]);
tell('list', ['filenames' => $listed(createdBefore: new \DateTimeImmutable('2020-01-01'))]);
tell('list', ['filenames' => $listed(formats: [Format::Csv], states: [TaskState::Completed])]);
tell('deleted', ['state' => $client->delete($ids[0])->state->value]);
attempt(static fn () => $client->status('0123'));
attempt(static fn () => $client->retry($ids[1]));

$export = $client->open(['Text'], Format::Csv, 'cancelled');
$export->write(['x']);
$export->flush();
$export->cancel('for a test');
attempt(static fn () => $client->wait($export->taskId()));
tell('cancelled', ['reason' => $client->status($export->taskId())->cancelReason]);
