<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use Generator;
use Illuminate\Contracts\Support\Arrayable;
use Illuminate\Database\Eloquent\Model;
use Illuminate\Support\Collection;
use Illuminate\Support\LazyCollection;
use InvalidArgumentException;
use Iterator;
use JsonSerializable;
use Rowferry\Column;
use Rowferry\ExportOptions;

/**
 * An export class as they are written for Laravel Excel 3.1 (`FromQuery`, `WithMapping`, ...), which itself
 * need not be installed: its interfaces are known by their names.
 *
 * What only looks (styles, colours, events that draw) is left out, and `leftOut()` names it. What would
 * give other cells (views, several sheets, value binders) is refused.
 */
final class ExportClass
{
    private const NAMESPACE = 'Maatwebsite\\Excel\\Concerns\\';

    private const REFUSED = [
        'FromView', 'WithMultipleSheets', 'WithCustomValueBinder', 'WithEvents', 'WithDrawings', 'WithCharts',
    ];

    private const METHODS = ['FromArray' => 'array', 'FromIterator' => 'iterator', 'FromGenerator' => 'generator'];

    private const LEFT_OUT = [
        'WithStyles', 'WithDefaultStyles', 'WithBackgroundColor', 'WithProperties', 'WithPreCalculateFormulas',
    ];

    /**
     * @param int $chunkRows rows of a query, unless the class says it itself
     * @param string $timezone IANA name of the zone in which moments are shown
     */
    public function __construct(
        private readonly object $export,
        private readonly int $chunkRows,
        private readonly string $timezone,
    ) {
        foreach (self::REFUSED as $concern) {
            if ($this->has($concern)) {
                throw new InvalidArgumentException($export::class . " is $concern: Rowferry writes rows only");
            }
        }
    }

    /** Whether the class has an interface of Laravel Excel. */
    public function has(string $concern): bool
    {
        return is_a($this->export, self::NAMESPACE . $concern);
    }

    /** @return list<string> concerns that do nothing here */
    public function leftOut(): array
    {
        return array_values(array_filter(self::LEFT_OUT, $this->has(...)));
    }

    public function table(): Table
    {
        $rows = new SampledRows($this->rows());
        $columns = $this->export instanceof WithColumns
            ? Column::listOf($this->export->columns())
            : (new Headings($this->export, $this))->columns($rows);
        return new Table($columns, $rows->lists(count($columns)), $this->options());
    }

    private function options(): ExportOptions
    {
        return $this->export instanceof WithExportOptions
            ? $this->export->exportOptions()
            : (new OptionsOfClass($this->export, $this))->options($this->timezone);
    }

    /** @return Generator<int, array<int|string, mixed>> */
    private function rows(): Generator
    {
        foreach ($this->sources() as $source) {
            foreach ($source as $row) {
                yield from $this->mapped($row);
            }
        }
    }

    /** @return Generator<int, iterable<mixed>> in the order in which Laravel Excel appends them */
    private function sources(): Generator
    {
        if ($this->has('FromQuery')) {
            yield from $this->chunksOfQuery();
        }
        if ($this->has('FromCollection')) {
            $collection = $this->export->collection();
            yield $this->prepared($collection instanceof Collection ? $collection->all() : $collection);
        }
        foreach (self::METHODS as $from => $method) {
            if ($this->has($from)) {
                yield $this->prepared($this->export->$method());
            }
        }
    }

    /** @return Generator<int, iterable<object>> */
    private function chunksOfQuery(): Generator
    {
        $chunkRows = $this->has('WithCustomChunkSize') ? $this->export->chunkSize() : $this->chunkRows;
        $rows = (new QueryRows($chunkRows))->of($this->export->query());
        if (!method_exists($this->export, 'prepareRows')) {
            yield $rows;
            return;
        }
        foreach (LazyCollection::make(static fn () => yield from $rows)->chunk($chunkRows) as $chunk) {
            $found = array_values($chunk->all());
            yield $this->prepared(
                $found[0] instanceof Model ? $found[0]->newCollection($found) : new Collection($found),
            );
        }
    }

    /**
     * What `prepareRows` makes of rows: it gets arrays, collections of chunks, and lazy collections.
     *
     * @param iterable<mixed> $rows
     * @return iterable<mixed>
     */
    private function prepared(iterable $rows): iterable
    {
        if (!method_exists($this->export, 'prepareRows')) {
            return $rows;
        }
        return $this->export->prepareRows(
            $rows instanceof Iterator ? LazyCollection::make(static fn () => yield from $rows) : $rows,
        );
    }

    /** @return list<array<int|string, mixed>> the rows that one row of the source becomes: none, one or several */
    private function mapped(mixed $row): array
    {
        $cells = self::cells($this->has('WithMapping') ? $this->export->map($row) : $row);
        return count(array_filter($cells, 'is_array')) === count($cells) ? array_values($cells) : [$cells];
    }

    /** @return array<int|string, mixed> */
    private static function cells(mixed $row): array
    {
        return match (true) {
            is_array($row) => $row,
            $row instanceof Model => $row->attributesToArray(), // without relations
            $row instanceof Arrayable => $row->toArray(),
            $row instanceof JsonSerializable => (array) $row->jsonSerialize(),
            is_object($row) => get_object_vars($row),
            default => throw new InvalidArgumentException('A row is an array or an object, not ' . gettype($row)),
        };
    }
}
