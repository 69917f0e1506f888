<?php

declare(strict_types=1);

namespace Rowferry\Tests\Unit;

use PHPUnit\Framework\TestCase;
use Rowferry\Transport\Http\EventStream;

final class EventStreamTest extends TestCase
{
    private const STREAM = "retry: 2000\n\nevent: task\nid: 7\ndata: {\"a\": 1}\n\n: still here\n\n"
        . "event: other\ndata: no\n\nevent: task\r\ndata:two\r\ndata: lines\r\n\r\nevent: task\n\n"
        . "data: without a type\n\nevent: task\ndata: cut off";

    public function testEventsAreWholeWhereverTheStreamIsCut(): void
    {
        foreach (range(1, \strlen(self::STREAM)) as $length) {
            $stream = new EventStream('task');
            $found = array_merge(...array_map($stream->take(...), str_split(self::STREAM, $length)));
            self::assertSame(['{"a": 1}', "two\nlines"], $found, "pieces of $length bytes");
        }
    }

    public function testItHoldsWhatHasNotEnded(): void
    {
        $stream = new EventStream('task');
        $stream->take("event: task\ndata: 12345\ndata: 67");
        self::assertSame(\strlen('12345data: 67'), $stream->heldBytes());
        self::assertSame(["12345\n678"], $stream->take("8\n\n"));
        self::assertSame(0, $stream->heldBytes());
    }
}
