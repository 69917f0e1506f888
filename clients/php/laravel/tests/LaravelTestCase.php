<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Tests;

use PHPUnit\Framework\TestCase;
use Rowferry\Laravel\ExportClass;
use Rowferry\Laravel\Table;

/**
 * A test with an application of its own.
 */
abstract class LaravelTestCase extends TestCase
{
    private ?Application $application = null;

    /** @param array<string, mixed> $rowferry settings of config/rowferry.php */
    protected function application(array $rowferry = []): Application
    {
        return $this->application ??= new Application($rowferry);
    }

    protected function tearDown(): void
    {
        $this->application?->close();
        $this->application = null;
    }

    protected static function table(object $export): Table
    {
        return (new ExportClass($export, 100, 'Europe/Berlin'))->table();
    }
}
