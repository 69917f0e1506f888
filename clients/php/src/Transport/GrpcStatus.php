<?php

declare(strict_types=1);

namespace Rowferry\Transport;

use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\Wire\ErrorInfo;
use Rowferry\Wire\MalformedMessage;

/**
 * How a gRPC call ended: https://github.com/grpc/grpc/blob/master/doc/statuscodes.md.
 */
final class GrpcStatus
{
    /**
     * The exception of a call that did not end well, null for one that did.
     *
     * @param string|null $code the trailer `rowferry-code`
     * @param string $details the trailer `grpc-status-details-bin`, decoded: a google.rpc.Status
     */
    public static function refusal(int $status, string $message, ?string $code, string $details): ?RowferryException
    {
        if ($status === 0) {
            return null;
        }
        try {
            $info = ErrorInfo::fromStatus($details);
        } catch (MalformedMessage) {
            $info = null;
        }
        $code = $info?->reason ?? $code;
        return $code !== null
            ? Errors::of($code, $message, $info?->context ?? [])
            : self::withoutCode($status, $message);
    }

    /** A status that no service made: of a proxy, or of the gRPC layer. */
    private static function withoutCode(int $status, string $message): RowferryException
    {
        return match ($status) {
            14 => Errors::unreachable("no connection to the service, or it broke: $message"),
            1, 2, 4, 13 => Errors::unreachable("the call ended with gRPC status $status: $message"),
            12 => Errors::notRowferry("what answers is no service: $message"),
            16 => Errors::of('UNAUTHENTICATED', $message),
            7 => Errors::of('FORBIDDEN', $message),
            default => Errors::of('INTERNAL', "the call ended with gRPC status $status: $message"),
        };
    }
}
