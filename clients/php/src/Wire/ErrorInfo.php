<?php

declare(strict_types=1);

namespace Rowferry\Wire;

/**
 * The google.rpc.ErrorInfo in a google.rpc.Status: why a call was refused.
 *
 * Source: https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
 */
final class ErrorInfo
{
    /** @param array<string, string> $context */
    private function __construct(
        public readonly string $reason,
        public readonly array $context,
    ) {
    }

    /** From a google.rpc.Status, which the trailer `grpc-status-details-bin` is when decoded. */
    public static function fromStatus(string $message): ?self
    {
        $status = new Reader($message);
        while (($field = $status->field()) !== 0) {
            $info = $field === 3 ? self::fromAny($status->text()) : null;
            if ($info !== null) {
                return $info;
            }
        }
        return null;
    }

    private static function fromAny(string $message): ?self
    {
        $value = null;
        $type = '';
        $any = new Reader($message);
        while (($field = $any->field()) !== 0) {
            $field === 1 ? $type = $any->text() : $value = $any->text();
        }
        return $value !== null && str_ends_with($type, '/google.rpc.ErrorInfo') ? self::decode($value) : null;
    }

    private static function decode(string $message): self
    {
        $reason = '';
        $context = [];
        $reader = new Reader($message);
        while (($field = $reader->field()) !== 0) {
            match ($field) {
                1 => $reason = $reader->text(),
                3 => $context += $reader->entry(),
                default => null,
            };
        }
        return new self($reason, $context);
    }
}
