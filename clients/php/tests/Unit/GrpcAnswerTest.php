<?php

declare(strict_types=1);

namespace Rowferry\Tests\Unit;

use PHPUnit\Framework\TestCase;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\Exception\UnreachableException;
use Rowferry\Transport\Curl\GrpcAnswer;
use Rowferry\Transport\Curl\SendQueue;

final class GrpcAnswerTest extends TestCase
{
    /** @param list<string> $lines */
    private static function answer(array $lines): GrpcAnswer
    {
        $answer = new GrpcAnswer();
        array_map(static fn (string $line) => $answer->header("$line\r\n"), $lines);
        return $answer;
    }

    public function testMessagesComeInAnyPieces(): void
    {
        $answer = new GrpcAnswer();
        $bytes = "\0\0\0\0\x03abc\0\0\0\0\0\0\0\0\0\x01d";
        $found = [];
        foreach (str_split($bytes) as $byte) {
            self::assertSame(1, $answer->body($byte));
            while (($message = $answer->message()) !== null) {
                $found[] = $message;
            }
        }
        self::assertSame(['abc', '', 'd'], $found);
    }

    public function testACompressedMessageIsNoServices(): void
    {
        $answer = new GrpcAnswer();
        $answer->body("\x01\0\0\0\x01x");
        $this->expectException(UnreachableException::class);
        $answer->message();
    }

    public function testNeitherBodyNorHeadersGrowWithoutEnd(): void
    {
        $answer = new GrpcAnswer();
        self::assertSame(-1, $answer->body(str_repeat('x', (16 << 20) + 1)));
        self::assertSame(-1, $answer->header('x: ' . str_repeat('x', 1 << 17)));
    }

    public function testTheStatusComesInTheTrailers(): void
    {
        $answer = self::answer(['HTTP/2 200', 'content-type: application/grpc']);
        self::assertFalse($answer->isOver());
        $answer->header("grpc-status: 0\r\n");
        self::assertTrue($answer->isOver());
        self::assertNull($answer->refusal());
    }

    public function testARefusalHasTheCodeOfTheService(): void
    {
        $error = self::answer([
            'HTTP/2 200', 'grpc-status: 3', 'grpc-message: 100%25 no: %E4%B8%AD', 'rowferry-code: INVALID_ROW',
        ])->refusal();
        self::assertSame('INVALID_ROW', $error->errorCode);
        self::assertSame('100% no: 中', $error->getMessage());
    }

    public function testDetailsThatAreNoneDoNoHarm(): void
    {
        $error = self::answer([
            'HTTP/2 200', 'grpc-status: 5', 'rowferry-code: NOT_FOUND', 'grpc-status-details-bin: /////w',
        ])->refusal();
        self::assertSame(['NOT_FOUND', []], [$error->errorCode, $error->context]);
    }

    /** @return iterable<string, array{int, string, bool}> status, code, whether it is tried again */
    public static function statusesOfOthers(): iterable
    {
        yield 'unavailable, by a proxy' => [14, 'UNREACHABLE', true];
        yield 'unauthenticated' => [16, 'UNAUTHENTICATED', false];
        yield 'unimplemented' => [12, 'UNREACHABLE', false];
    }

    /** @dataProvider statusesOfOthers */
    public function testAStatusWithoutCode(int $status, string $code, bool $passing): void
    {
        $error = self::answer(['HTTP/2 200', "grpc-status: $status"])->refusal();
        self::assertSame([$code, $passing], [$error->errorCode, Errors::isPassing($error)]);
    }

    /** @return iterable<string, array{list<string>, bool}> */
    public static function incompleteAnswers(): iterable
    {
        yield 'nothing' => [[], true];
        yield 'a broken stream' => [['HTTP/2 200'], true];
        yield 'a proxy without service' => [['HTTP/2 502'], true];
        yield 'a web server' => [['HTTP/2 404'], false];
        yield 'an older web server' => [['HTTP/1.1 200 OK'], false];
    }

    /**
     * @dataProvider incompleteAnswers
     * @param list<string> $lines
     */
    public function testWhatIsIncomplete(array $lines, bool $passing): void
    {
        $error = self::answer($lines)->incomplete();
        self::assertInstanceOf(RowferryException::class, $error);
        self::assertSame($passing, Errors::isPassing($error));
    }

    public function testWhatIsSentIsTakenInPiecesOfAnySize(): void
    {
        $queue = new SendQueue();
        self::assertNull($queue->take(10));
        $queue->add('abcdef');
        $queue->add('gh');
        $queue->end();
        self::assertSame(8, $queue->bytes());
        $taken = [];
        while (($piece = $queue->take(4)) !== '') {
            $taken[] = $piece;
        }
        self::assertSame(['abcd', 'ef', 'gh', 0], [...$taken, $queue->bytes()]);
    }
}
