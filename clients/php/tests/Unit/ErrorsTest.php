<?php

declare(strict_types=1);

namespace Rowferry\Tests\Unit;

use PHPUnit\Framework\TestCase;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\Exception\UnreachableException;

final class ErrorsTest extends TestCase
{
    public function testEachCodeOfTheServiceHasItsClass(): void
    {
        $page = (string) file_get_contents(__DIR__ . '/../../../../docs/errors.md');
        preg_match_all('/^\| `([A-Z_]+)` \| [A-Z_]+ \| \d+ \|/m', $page, $rows);
        self::assertGreaterThan(25, \count($rows[1]));
        foreach ($rows[1] as $code) {
            self::assertTrue(Errors::knows($code), $code);
        }
    }

    public function testAnUnknownCodeIsTheBaseClass(): void
    {
        $error = Errors::of('OF_NEXT_YEAR', 'What it means.', ['task_id' => 't']);
        self::assertSame(RowferryException::class, $error::class);
        self::assertSame(['OF_NEXT_YEAR', 'What it means.', 't'], [
            $error->errorCode,
            $error->getMessage(),
            $error->taskId,
        ]);
        self::assertFalse(Errors::isPassing($error));
    }

    public function testWhatIsNoServiceIsNotTriedAgain(): void
    {
        self::assertTrue(Errors::isPassing(Errors::unreachable('cut')));
        self::assertFalse(Errors::isPassing(Errors::notRowferry('a web server')));
        self::assertInstanceOf(UnreachableException::class, Errors::notRowferry('a web server'));
    }

    public function testAnErrorOfAnExportSaysWhichOne(): void
    {
        $error = Errors::of('INVALID_ROW', 'row 1')->ofExport('task', 'request');
        self::assertSame(['task', 'request', 'row 1'], [$error->taskId, $error->requestId, $error->getMessage()]);
        self::assertInstanceOf(\Rowferry\Exception\InvalidRowException::class, $error);
    }
}
