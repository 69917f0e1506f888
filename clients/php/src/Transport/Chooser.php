<?php

declare(strict_types=1);

namespace Rowferry\Transport;

use Rowferry\Exception\Errors;
use Rowferry\Transport\Curl\CurlTransport;
use Rowferry\Transport\ExtGrpc\ExtGrpcTransport;
use Rowferry\Transport\Http\HttpTransport;

/**
 * Which transport this PHP can use: curl with HTTP/2, else ext-grpc, else HTTP/1.1; or the one that is asked for.
 */
final class Chooser
{
    /** @param string|null $name null = the first that is there */
    public static function choose(?string $name, Address $address): Transport
    {
        $makers = self::makers($address);
        if ($name !== null && !isset($makers[$name])) {
            throw Errors::of('INVALID_METADATA', 'the transport is not there', [
                'field' => 'transport',
                'expected' => implode(', ', array_keys($makers)),
            ]);
        }
        return $name === null ? reset($makers)() : $makers[$name]();
    }

    /** @return array<string, \Closure(): Transport> those that can be used here, the best first */
    private static function makers(Address $address): array
    {
        $makers = [];
        if (CurlTransport::isAvailable()) {
            $makers['curl'] = static fn (): Transport => new CurlTransport($address);
        }
        if (ExtGrpcTransport::isAvailable()) {
            $makers['ext-grpc'] = static fn (): Transport => new ExtGrpcTransport($address);
        }
        // Another port of the service: whoever has nothing else names that one.
        $makers['http'] = static fn (): Transport => new HttpTransport($address);
        return $makers;
    }
}
