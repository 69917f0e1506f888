<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Tests;

use PHPUnit\Framework\TestCase;
use Rowferry\Laravel\LinkedFile;

final class LinkedFileTest extends TestCase
{
    private const LINK = 'data:text/plain,rows';

    public function testAWholeFileIsReadFromItsBeginning(): void
    {
        self::assertSame('rows', stream_get_contents(LinkedFile::open(self::LINK)->whole(4)));
    }

    public function testAFileThatBreaksOffIsNoFile(): void
    {
        $this->expectExceptionMessage('4 of 5 bytes');
        LinkedFile::open(self::LINK)->whole(5);
    }
}
