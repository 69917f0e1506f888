<?php

declare(strict_types=1);

namespace Rowferry\Tests\Unit;

use PHPUnit\Framework\TestCase;
use Rowferry\Wire\ErrorInfo;
use Rowferry\Wire\MalformedMessage;
use Rowferry\Wire\Reader;
use Rowferry\Wire\Responses;
use Rowferry\Wire\TaskMessages;
use Rowferry\Wire\Writer;

final class ReaderAndWriterTest extends TestCase
{
    private const TRIES = 2000;

    /** @return iterable<array{int, string}> */
    public static function numbers(): iterable
    {
        yield [0, "\x00"];
        yield [127, "\x7f"];
        yield [128, "\x80\x01"];
        yield [300, "\xac\x02"];
        yield [PHP_INT_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"];
        yield [-1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"];
        yield [PHP_INT_MIN, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"];
    }

    /** @dataProvider numbers */
    public function testNumber(int $number, string $bytes): void
    {
        self::assertSame($bytes, Writer::varint($number));
        $reader = new Reader("\x08$bytes");
        self::assertSame([1, $number, 0], [$reader->field(), $reader->integer(), $reader->field()]);
    }

    public function testWhatIsWrittenIsRead(): void
    {
        for ($try = 0; $try < self::TRIES; $try++) {
            [$field, $number] = [random_int(1, 1 << 20), random_int(PHP_INT_MIN, PHP_INT_MAX) >> random_int(0, 63)];
            $text = random_bytes(random_int(1, 300));
            $reader = new Reader((new Writer())->integer($field, $number)->text($field + 1, $text)->bytes());
            if ($number !== 0) {
                self::assertSame([$field, $number], [$reader->field(), $reader->integer()]);
            }
            self::assertSame([$field + 1, $text, 0], [$reader->field(), $reader->text(), $reader->field()]);
        }
    }

    public function testTimesKeepTheirMicroseconds(): void
    {
        $time = new \DateTimeImmutable('2026-03-01T12:34:56.000789Z');
        $reader = new Reader((new Writer())->time(3, $time)->bytes());
        self::assertSame(3, $reader->field());
        self::assertEquals($time, $reader->time());
    }

    /** @return iterable<string, array{string}> */
    public static function malformed(): iterable
    {
        yield 'ends within a number' => ["\x08\x80"];
        yield 'eleven bytes of a number' => ["\x08" . str_repeat("\x80", 10) . "\x01"];
        yield 'ends within a field' => ["\x0a\x05abc"];
        yield 'a negative length' => ["\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"];
        yield 'an unknown type' => ["\x0b"];
        yield 'no number' => ["\x00\x00"];
    }

    /** @dataProvider malformed */
    public function testMalformed(string $bytes): void
    {
        $this->expectException(MalformedMessage::class);
        $reader = new Reader($bytes);
        while ($reader->field() !== 0) {
            continue;
        }
    }

    public function testRandomBytesAreMalformedOrAMessageButNeverAnError(): void
    {
        $decoders = [
            Responses::export(...), TaskMessages::result(...), Responses::page(...), TaskMessages::status(...),
            ErrorInfo::fromStatus(...),
        ];
        for ($try = 0; $try < self::TRIES; $try++) {
            try {
                $decoders[$try % \count($decoders)](random_bytes(random_int(1, 40)));
            } catch (MalformedMessage) {
                continue;
            }
        }
        self::assertSame(self::TRIES, $try);
    }
}
