<?php

declare(strict_types=1);

namespace Rowferry\Tests\Unit;

use PHPUnit\Framework\TestCase;
use Rowferry\Column;
use Rowferry\Exception\InvalidRowException;
use Rowferry\Exception\LimitedException;
use Rowferry\Rows\Batch;
use Rowferry\Rows\Packer;

final class PackerTest extends TestCase
{
    /** @param list<mixed> $rows */
    private static function packed(array $rows, int $columns = 2, bool $zoned = false): string
    {
        $packer = new Packer(Column::listOf(\array_slice(['a', 'b', 'c'], 0, $columns)), $zoned);
        array_map($packer->add(...), $rows);
        return implode('', array_map(static fn (Batch $batch): string => $batch->json, $packer->take()));
    }

    /** @param \Closure(): mixed $call */
    private function refusal(\Closure $call): InvalidRowException
    {
        try {
            $call();
        } catch (InvalidRowException $error) {
            self::assertSame('INVALID_ROW', $error->errorCode);
            return $error;
        }
        self::fail('nothing was refused');
    }

    public function testScalarsAreTheirShortestText(): void
    {
        self::assertSame(
            '[["订单 😀/\"{[",null],[1.0,-0.1],[9223372036854775807,true]]',
            self::packed([['订单 😀/"{[', null], [1.0, -0.1], [PHP_INT_MAX, true]]),
        );
    }

    public function testFloatsAreExactWhateverTheProgramSet(): void
    {
        $before = ini_set('serialize_precision', '5');
        try {
            self::assertSame('[[0.30000000000000004,3.141592653589793]]', self::packed([[0.1 + 0.2, M_PI]]));
            self::assertSame('5', ini_get('serialize_precision'));
        } finally {
            ini_set('serialize_precision', (string) $before);
        }
    }

    public function testLineSeparatorsOfUnicodeStay(): void
    {
        self::assertSame("[[\"a\u{2028}b\",null]]", self::packed([["a\u{2028}b", null]]));
    }

    public function testMapsAreOrderedAndFilled(): void
    {
        self::assertSame(
            '[["1","2"],["1","2"],[null,"2"],["1",null]]',
            self::packed([['a' => '1', 'b' => '2'], ['b' => '2', 'a' => '1'], ['b' => '2'], (object) ['a' => '1']]),
        );
    }

    public function testKeysThatLookLikeNumbersAreKeys(): void
    {
        $packer = new Packer([new Column('Year', key: '2026'), new Column('Name', key: 'n')]);
        $packer->add(['2026' => 1, 'n' => 'x']);
        self::assertSame('[[1,"x"]]', $packer->take()[0]->json);
        $packer->add(['n' => 'x', '2026' => 1]);
        self::assertSame('[[1,"x"]]', $packer->take()[0]->json);
    }

    public function testUnknownKeyIsRefused(): void
    {
        $error = $this->refusal(fn () => self::packed([['a' => 1, 'b' => 2], ['a' => 1, 'x' => 2]]));
        self::assertSame(['row' => '2', 'key' => 'x', 'expected' => 'a, b'], $error->context);
    }

    public function testMomentsShowTheirOwnClockUnlessTheExportHasAZone(): void
    {
        $moment = new \DateTimeImmutable('2026-03-01T12:34:56.125+02:00');
        self::assertSame('[["2026-03-01T12:34:56.125"]]', self::packed([[$moment]], 1));
        self::assertSame('[["2026-03-01T12:34:56.125+02:00"]]', self::packed([[$moment]], 1, zoned: true));
        self::assertSame('[["2026-03-01T00:00:00"]]', self::packed([[new \DateTime('2026-03-01')]], 1));
    }

    public function testAnOffsetWithSecondsIsToldInUtc(): void
    {
        $moment = new \DateTimeImmutable('1900-01-01', new \DateTimeZone('Asia/Shanghai')); // +08:05:43 then
        self::assertSame('[["1899-12-31T15:54:17+00:00"]]', self::packed([[$moment]], 1, zoned: true));
        self::assertSame('[["1900-01-01T00:00:00"]]', self::packed([[$moment]], 1));
    }

    public function testWhatJsonWouldSayOfAnObjectItselfIsNotAsked(): void
    {
        $object = new class implements \JsonSerializable, \Stringable {
            public function jsonSerialize(): mixed
            {
                return 'for JSON';
            }

            public function __toString(): string
            {
                return 'text';
            }
        };
        self::assertSame('[["text"]]', self::packed([[$object]], 1));
    }

    /** @return iterable<string, array{mixed, string, string}> */
    public static function badCells(): iterable
    {
        yield 'NaN' => [NAN, 'a finite number', 'NAN'];
        yield 'infinity' => [-INF, 'a finite number', '-INF'];
        yield 'bytes' => ["a\xff", 'UTF-8', 'bytes that are not'];
        yield 'surrogate' => ["\xed\xa0\x80", 'UTF-8', 'bytes that are not'];
        yield 'list' => [[1], 'a scalar, null, a moment, an enum or a Stringable', 'array'];
        yield 'object' => [new \ArrayObject(), 'a scalar, null, a moment, an enum or a Stringable', 'ArrayObject'];
        yield 'resource' => [STDIN, 'a scalar or null', 'resource (stream)'];
    }

    /** @dataProvider badCells */
    public function testBadCellIsRefusedWithItsPlace(mixed $cell, string $expected, string $got): void
    {
        $error = $this->refusal(fn () => self::packed([['ok', 1], ['ok', 2], ['ok', $cell]]));
        self::assertSame(
            ['row' => '3', 'column' => '1', 'expected' => $expected, 'got' => $got],
            $error->context,
        );
    }

    public function testRowsOfABatchBeforeCountAsRows(): void
    {
        $packer = new Packer(Column::listOf(['a']));
        $packer->startAt(8, 1000);
        $packer->add(['x']);
        self::assertSame(8, $packer->take()[0]->sequence);
        $packer->add(["\xff"]);
        self::assertSame('1002', $this->refusal($packer->take(...))->context['row']);
    }

    public function testARefusedRowIsLeftOut(): void
    {
        $packer = new Packer(Column::listOf(['a']));
        $packer->add(['1']);
        $this->refusal(fn () => $packer->add(['1', '2']));
        $this->refusal(fn () => $packer->add('text'));
        $packer->add(['2']);
        self::assertSame('[["1"],["2"]]', $packer->take()[0]->json);
        self::assertSame(2, $packer->rowCount());
    }

    public function testBatchesAreCutByBytes(): void
    {
        $packer = new Packer(Column::listOf(['a']));
        $sizes = [];
        for ($row = 0; $row < 3000; $row++) {
            $packer->add([str_repeat('x', 500)]);
            if ($packer->isFull()) {
                $sizes[] = \strlen($packer->take()[0]->json);
            }
        }
        self::assertCount(5, $sizes);
        foreach ($sizes as $size) {
            self::assertEqualsWithDelta(Packer::TARGET_BYTES, $size, 8192);
        }
    }

    public function testRowsThatGrowInJsonAreSplitUntilMessagesTakeThem(): void
    {
        $packer = new Packer(Column::listOf(['a']), false, 8192);
        for ($row = 0; $row < 4; $row++) {
            $packer->add([str_repeat("\x01", 900)]);
        }
        $batches = $packer->take();
        self::assertSame([1, 2, 3, 4], array_column($batches, 'sequence'));
        self::assertSame([1, 1, 1, 1], array_column($batches, 'rows'));
        foreach ($batches as $batch) {
            self::assertLessThanOrEqual(8192, \strlen($batch->json));
        }
    }

    public function testARowThatNoMessageTakesIsTooLarge(): void
    {
        $packer = new Packer(Column::listOf(['a']), false, 1000);
        $packer->add(['small']);
        $packer->add([str_repeat('x', 1000)]);
        try {
            $packer->take();
            self::fail('it was taken');
        } catch (LimitedException $error) {
            self::assertSame('TOO_LARGE', $error->errorCode);
            self::assertSame(['row' => '2', 'max_message_bytes' => '1000'], $error->context);
        }
    }

    public function testWithoutRowsThereIsNoBatch(): void
    {
        self::assertSame([], (new Packer(Column::listOf(['a'])))->take());
    }
}
