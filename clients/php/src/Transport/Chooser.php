<?php

declare(strict_types=1);

namespace Rowferry\Transport;

use Rowferry\Exception\Errors;
use Rowferry\Transport\Curl\CurlTransport;

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
        $maker = $name === null ? reset($makers) : $makers[$name];
        return $maker === false
            ? throw Errors::unreachable('no transport: libcurl has no HTTP/2')
            : $maker();
    }

    /** @return array<string, \Closure(): Transport> those that can be used here, the best first */
    private static function makers(Address $address): array
    {
        $makers = [];
        if (CurlTransport::isAvailable()) {
            $makers['curl'] = static fn (): Transport => new CurlTransport($address);
        }
        return $makers;
    }
}
