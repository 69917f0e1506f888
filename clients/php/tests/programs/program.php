<?php

declare(strict_types=1);

// What the programs here begin with: tests/clients/php.py runs them and reads what they tell.

namespace Rowferry\Tests;

use Psr\Log\AbstractLogger;
use Psr\Log\LoggerInterface;
use Rowferry\Exception\RowferryException;
use Rowferry\RetryPolicy;
use Rowferry\Rowferry;

require __DIR__ . '/../bootstrap.php';

/** Writes a line of JSON at once. */
function tell(string $event, array $values = []): void
{
    fwrite(STDOUT, json_encode(['event' => $event] + $values, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE) . "\n");
}

/** Tells that a point is reached, and waits until it may be passed: a line, or the end of the input. */
function gate(string $name): void
{
    tell($name);
    fgets(STDIN);
}

function tellFailure(RowferryException $error): void
{
    tell('failed', [
        'class' => (new \ReflectionClass($error))->getShortName(),
        'code' => $error->errorCode,
        'message' => $error->getMessage(),
        'context' => (object) $error->context,
        'task_id' => $error->taskId,
        'request_id' => $error->requestId,
    ]);
}

function client(?LoggerInterface $logger = null): Rowferry
{
    $logger ??= new class extends AbstractLogger {
        public function log($level, $message, array $context = []): void
        {
            unset($context['exception']);
            tell('logged', ['level' => $level, 'message' => $message, 'context' => $context]);
        }
    };
    return Rowferry::connect(
        getenv('ROWFERRY_ADDRESS'),
        ca: getenv('ROWFERRY_CA') ?: null,
        transport: getenv('ROWFERRY_TRANSPORT') ?: null,
        retry: new RetryPolicy(
            retryForSeconds: (float) (getenv('ROWFERRY_RETRY_FOR') ?: 60),
            silenceSeconds: (float) (getenv('ROWFERRY_SILENCE') ?: 30),
        ),
        logger: $logger,
    );
}

/** Options of the command line, `--name=value`. */
function option(string $name, string $default = ''): string
{
    foreach ($GLOBALS['argv'] as $argument) {
        if (str_starts_with($argument, "--$name=")) {
            return substr($argument, \strlen($name) + 3);
        }
    }
    return $default;
}
