<?php

declare(strict_types=1);

namespace Rowferry\Tests\Unit;

use PHPUnit\Framework\TestCase;
use Rowferry\Exception\InvalidRequestException;
use Rowferry\Transport\Address;

final class AddressTest extends TestCase
{
    /** @return iterable<array{string, string}> */
    public static function addresses(): iterable
    {
        yield ['localhost:9090', 'http://localhost:9090/x'];
        yield ['http://10.0.0.1:80', 'http://10.0.0.1:80/x'];
        yield ['HTTPS://exports.example:9090', 'https://exports.example:9090/x'];
        yield ['https://[::1]:9090', 'https://[::1]:9090/x'];
        yield ['[::1]:9090', 'http://[::1]:9090/x'];
    }

    /** @dataProvider addresses */
    public function testAddress(string $address, string $url): void
    {
        self::assertSame($url, Address::parse($address)->url('/x'));
    }

    /** @return iterable<array{string}> */
    public static function noAddresses(): iterable
    {
        yield [''];
        yield ['localhost'];
        yield ['ftp://localhost:21'];
        yield ['http://user:secret@localhost:9090'];
        yield ['http://localhost:9090/path'];
        yield ['http://localhost:99999'];
        yield ["localhost:9090\r\nX: y"];
    }

    /** @dataProvider noAddresses */
    public function testNoAddress(string $address): void
    {
        $this->expectException(InvalidRequestException::class);
        Address::parse($address);
    }

    public function testTokenComesFromTheEnvironmentAndIsNotShown(): void
    {
        putenv('ROWFERRY_TOKEN=secret');
        try {
            $address = Address::parse('https://localhost:9090');
        } finally {
            putenv('ROWFERRY_TOKEN');
        }
        self::assertSame('secret', $address->token);
        self::assertSame('other', Address::parse('localhost:9090', 'other')->token);
        self::assertStringNotContainsString('secret', print_r($address, true));
    }

    public function testATokenWithALineBreakIsRefusedWithoutShowingIt(): void
    {
        try {
            Address::parse('localhost:9090', "secret\n");
            self::fail('it was taken');
        } catch (InvalidRequestException $error) {
            self::assertSame('token', $error->context['field']);
            self::assertStringNotContainsString('secret', $error->getMessage());
        }
    }

    public function testThisMachineIsKnown(): void
    {
        $isLoopback = static fn (string $host): bool => Address::parse("$host:1")->isLoopback();
        self::assertSame([true, true, true], array_map($isLoopback, ['localhost', '127.0.0.1', '[::1]']));
        self::assertSame([false, false], array_map($isLoopback, ['127.0.0.1.example', '10.0.0.1']));
    }

    public function testAnotherNodeIsTrustedAndAskedInTheSameWay(): void
    {
        $node = Address::parse('https://a:1', 'token', ca: '/ca.pem')->at('b:2');
        self::assertSame(['https://b:2', 'token', '/ca.pem'], [$node->url(), $node->token, $node->ca]);
    }

    public function testAConnectionHasSomeTimeAtLeast(): void
    {
        self::assertSame(10_000, Address::parse('h:1')->connectMilliseconds());
        self::assertSame(1500, Address::parse('h:1', connectSeconds: 1.5)->at('g:2')->connectMilliseconds());
        self::assertSame(1, Address::parse('h:1', connectSeconds: 0.0)->connectMilliseconds());
    }
}
