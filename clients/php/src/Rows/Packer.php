<?php

declare(strict_types=1);

namespace Rowferry\Rows;

use Rowferry\Column;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\Wire\Json;
use Rowferry\Wire\Requests;

/**
 * Rows become batches of about 256 KiB of JSON.
 *
 * A batch is one call of json_encode. Rows are looked at only as far as PHP does it in passing: lists of
 * scalars are taken as they are, other rows are made so first. What json_encode refuses is looked for afterwards.
 */
final class Packer
{
    public const TARGET_BYTES = 256 << 10;
    /** What a cell takes beside its text: quotes and comma, or a number and comma. */
    private const CELL_BYTES = 6;

    /** @var list<list<mixed>> */
    private array $rows = [];
    private int $bytes = 0;
    private int $rowsBefore = 0;
    private int $nextSequence = 1;
    private readonly int $columnCount;
    private readonly int $targetBytes;
    private readonly RowShape $shape;

    /**
     * @param list<Column> $columns
     * @param bool $zoned whether the export has a time zone: moments are then told with their offset
     * @param int $maxMessageBytes of one ExportRequest
     */
    public function __construct(array $columns, bool $zoned = false, private readonly int $maxMessageBytes = 16 << 20)
    {
        $this->columnCount = \count($columns);
        $this->targetBytes = min(self::TARGET_BYTES, intdiv($maxMessageBytes, 2));
        $this->shape = new RowShape($columns, $zoned);
    }

    /** Goes on behind rows that the service has. */
    public function startAt(int $sequence, int $rowsBefore): void
    {
        $this->nextSequence = $sequence;
        $this->rowsBefore = $rowsBefore;
    }

    /** Rows added so far, those before included. */
    public function rowCount(): int
    {
        return $this->rowsBefore + \count($this->rows);
    }

    /**
     * Takes a row: a list in the order of columns, or a map by their keys.
     *
     * Throws InvalidRowException, and the row is left out.
     */
    public function add(mixed $row): void
    {
        if (!\is_array($row)) {
            $row = $this->shape->cellsOf($row, $this->rowCount() + 1);
        }
        $bytes = 0;
        $plain = \array_is_list($row) && \count($row) === $this->columnCount;
        foreach ($row as $cell) {
            if (\is_string($cell)) {
                $bytes += \strlen($cell);
            } elseif (\is_object($cell) || \is_array($cell)) {
                $plain = false;
            }
        }
        $this->rows[] = $plain ? $row : $this->shape->list($row, $this->rowCount() + 1);
        $this->bytes += $bytes + self::CELL_BYTES * $this->columnCount;
    }

    /** Whether it is time to take a batch. */
    public function isFull(): bool
    {
        return $this->bytes >= $this->targetBytes;
    }

    /**
     * The rows as batches: one, or several if they are larger than they looked; none without rows.
     *
     * Throws InvalidRowException for cells that JSON can't say, and LimitedException for a row that is larger
     * than a message; the rows are then still there.
     *
     * @return list<Batch>
     */
    public function take(): array
    {
        if ($this->rows === []) {
            return [];
        }
        $batches = $this->batches($this->rows, $this->nextSequence, $this->rowsBefore);
        $this->startAt($this->nextSequence + \count($batches), $this->rowCount());
        $this->rows = [];
        $this->bytes = 0;
        return $batches;
    }

    /**
     * @param list<list<mixed>> $rows
     * @return list<Batch>
     */
    private function batches(array $rows, int $sequence, int $rowsBefore): array
    {
        $json = $this->encode($rows, $rowsBefore);
        $count = \count($rows);
        if (\strlen($json) + Requests::BATCH_OVERHEAD_BYTES <= $this->maxMessageBytes) {
            return [new Batch($sequence, $count, $json)];
        }
        if ($count === 1) {
            throw $this->tooLarge($rowsBefore + 1);
        }
        unset($json);
        $half = intdiv($count, 2);
        $first = $this->batches(\array_slice($rows, 0, $half), $sequence, $rowsBefore);
        $second = $this->batches(\array_slice($rows, $half), $sequence + \count($first), $rowsBefore + $half);
        return [...$first, ...$second];
    }

    /** @param list<list<mixed>> $rows */
    private function encode(array $rows, int $rowsBefore): string
    {
        try {
            return Json::encode($rows);
        } catch (\JsonException $error) {
            throw BadCell::among($rows, $rowsBefore) ?? $error;
        }
    }

    private function tooLarge(int $row): RowferryException
    {
        return Errors::of('TOO_LARGE', "row $row is larger than a message may be", [
            'row' => (string) $row,
            'max_message_bytes' => (string) $this->maxMessageBytes,
        ]);
    }
}
