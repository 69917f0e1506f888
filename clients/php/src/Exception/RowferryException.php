<?php

declare(strict_types=1);

namespace Rowferry\Exception;

/**
 * A call that was refused, an export that failed, a service that can't be reached.
 *
 * Programs go by `$errorCode` (docs/errors.md) or by the class, never by the message.
 */
class RowferryException extends \RuntimeException
{
    /**
     * @param array<string, string> $context where, expected, got: docs/errors.md, "Context"
     * @param string|null $taskId of the export, once it has one
     * @param string|null $requestId with the same request id an export goes on
     */
    final public function __construct(
        public readonly string $errorCode,
        string $message,
        public readonly array $context = [],
        public readonly ?string $taskId = null,
        public readonly ?string $requestId = null,
        ?\Throwable $previous = null,
    ) {
        parent::__construct($message, 0, $previous);
    }

    /** The same, saying which export it is about. */
    public function ofExport(?string $taskId, ?string $requestId): static
    {
        $known = $this->taskId ?? $this->context['task_id'] ?? $taskId;
        return new static($this->errorCode, $this->getMessage(), $this->context, $known, $requestId, $this);
    }
}
