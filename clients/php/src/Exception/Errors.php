<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * The class of each code of docs/errors.md, and of the two that clients have themselves.
 */
final class Errors
{
    /** What a client says when the connection can't be made, or broke. */
    public const UNREACHABLE = 'UNREACHABLE';
    /** What a client says when the caller's own time is over. */
    public const DEADLINE_EXCEEDED = 'DEADLINE_EXCEEDED';

    private const CLASSES = [
        'INVALID_METADATA' => InvalidRequestException::class,
        'INVALID_ROW' => InvalidRowException::class,
        'SEQUENCE_GAP' => ConflictException::class,
        'IDEMPOTENCY_CONFLICT' => ConflictException::class,
        'INVALID_STATE' => ConflictException::class,
        'ROW_COUNT_MISMATCH' => ConflictException::class,
        'ROW_LIMIT' => LimitedException::class,
        'TOO_LARGE' => LimitedException::class,
        'QUEUE_FULL' => LimitedException::class,
        'RATE_LIMITED' => LimitedException::class,
        'DISK_FULL' => LimitedException::class,
        'QUEUE_TIMEOUT' => UnavailableException::class,
        'STREAM_IDLE' => UnavailableException::class,
        'STREAM_LOST' => UnavailableException::class,
        'WRITE_FAILED' => UnavailableException::class,
        'STORAGE_UNAVAILABLE' => UnavailableException::class,
        'UPLOAD_FAILED' => UnavailableException::class,
        'LEASE_EXPIRED' => UnavailableException::class,
        'PROVIDER_FAILED' => UnavailableException::class,
        'DATABASE_UNAVAILABLE' => UnavailableException::class,
        'WRONG_NODE' => UnavailableException::class,
        'SHUTTING_DOWN' => UnavailableException::class,
        'CANCELLED' => ExportFailedException::class,
        'PROVIDER_REFUSED' => ExportFailedException::class,
        'PROVIDER_TIMEOUT' => ExportFailedException::class,
        'NOT_FOUND' => NotFoundException::class,
        'UNAUTHENTICATED' => UnauthenticatedException::class,
        'FORBIDDEN' => ForbiddenException::class,
        'INTERNAL' => RowferryException::class,
        self::UNREACHABLE => UnreachableException::class,
        self::DEADLINE_EXCEEDED => DeadlineExceededException::class,
    ];

    private const PASSING = [
        self::UNREACHABLE, 'STREAM_IDLE', 'STREAM_LOST', 'SHUTTING_DOWN', 'WRONG_NODE', 'LEASE_EXPIRED',
        'DATABASE_UNAVAILABLE', 'STORAGE_UNAVAILABLE', 'UPLOAD_FAILED', 'WRITE_FAILED', 'PROVIDER_FAILED',
        'RATE_LIMITED', 'QUEUE_FULL', 'DISK_FULL',
    ];

    /** Whether the code has a class of its own; codes of a newer service are the base class. */
    public static function knows(string $code): bool
    {
        return isset(self::CLASSES[$code]);
    }

    /**
     * The exception of a code.
     *
     * @param array<string, string> $context
     */
    public static function of(string $code, string $message, array $context = []): RowferryException
    {
        $class = self::CLASSES[$code] ?? RowferryException::class;
        return new $class($code, $message, $context, $context['task_id'] ?? null);
    }

    /** No connection could be made, or it broke: another try may help. */
    public static function unreachable(string $message): RowferryException
    {
        return self::of(self::UNREACHABLE, $message);
    }

    /** What answers there is no service, or none to be trusted: another try does not help. */
    public static function notRowferry(string $message): RowferryException
    {
        return self::of(self::UNREACHABLE, $message, ['expected' => 'a Rowferry service']);
    }

    /** Whether somebody at the address said so, if only no to the call. */
    public static function isAnswer(RowferryException $error): bool
    {
        return !\in_array($error->errorCode, [self::UNREACHABLE, self::DEADLINE_EXCEEDED], true)
            && !$error instanceof CancelledException;
    }

    /** Whether the same call may succeed when it is tried again; a task that ended has ended. */
    public static function isPassing(RowferryException $error): bool
    {
        return \in_array($error->errorCode, self::PASSING, true)
            && !$error instanceof ExportFailedException
            && !($error instanceof UnreachableException && isset($error->context['expected']));
    }
}
