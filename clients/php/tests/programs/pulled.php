<?php

declare(strict_types=1);

// Has the service export what its provider `numbers` has, and asks for what is refused.

namespace Rowferry\Tests;

use Rowferry\Column;
use Rowferry\DataType;
use Rowferry\Exception\RowferryException;
use Rowferry\ExportOptions;
use Rowferry\Format;
use Rowferry\TaskStatus;

require __DIR__ . '/program.php';

function told(string $event, \Closure $create): void
{
    try {
        $task = $create();
        tell($event, ['state' => $task->state->value, 'task_id' => $task->taskId, 'request_id' => $task->requestId]);
    } catch (RowferryException $error) {
        tell($event, []);
        tellFailure($error);
    }
}

$client = client();
$numbers = static fn (mixed ...$more): TaskStatus => $client->create(...$more + [
    'provider' => 'numbers',
    'parameters' => ['last' => 3, 'text' => '数 "1"', 'factor' => 0.1],
    'format' => Format::Csv,
    'filename' => '数',
]);
$id = 'numbers over ' . getenv('ROWFERRY_TRANSPORT');
told('created', static fn () => $numbers(requestId: $id));
told('again', static fn () => $numbers(requestId: $id));
$done = $client->wait($client->create(
    'numbers',
    ['last' => 3, 'text' => '数 "1"', 'factor' => 0.1],
    ['No.' => DataType::Number, 'Text', new Column('Factor')],
    Format::Csv,
    options: new ExportOptions(owner: 'ada'),
)->taskId);
tell('done', ['url' => $done->url, 'owner' => $done->owner, 'rows' => $done->recordsProcessed]);
told('later', static fn () => $numbers(runAt: new \DateTimeImmutable('+1 day')));
told('another content', static fn () => $numbers(requestId: $id, parameters: ['last' => 4]));
told('no provider', static fn () => $numbers(provider: ''));
told('another provider', static fn () => $numbers(provider: 'letters'));
told('another type', static fn () => $numbers(parameters: ['last' => 'many']));
told('too many parameters', static fn () => $numbers(parameters: ['last' => 1, 'first' => 1]));
told('what JSON can\'t say', static fn () => $numbers(parameters: ['last' => NAN]));
told('other columns', static fn () => $numbers(columns: ['only one']));
