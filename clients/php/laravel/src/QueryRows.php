<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use Illuminate\Database\Eloquent\Builder as EloquentBuilder;
use Illuminate\Database\Eloquent\Relations\Relation;
use Illuminate\Database\Query\Builder as QueryBuilder;
use InvalidArgumentException;

/**
 * The rows of a query, never all of them in memory and never paged by OFFSET: rows that are added or
 * deleted meanwhile would move others to a page that was read, or from one that was not.
 *
 * A plain Eloquent query is read by ascending key (`WHERE key > last`), so that every chunk is a short
 * query of its own. What has an order, a limit, groups or joins is one query, read by a cursor.
 */
final class QueryRows
{
    /** @param int $chunkRows rows of a query by key, and rows whose relations are loaded together */
    public function __construct(private readonly int $chunkRows)
    {
    }

    /**
     * @return iterable<object> models, or the objects of a query without a model
     */
    public function of(object $query): iterable
    {
        return match (true) {
            $query instanceof QueryBuilder => $query->cursor(),
            $query instanceof Relation => $this->ofModels($query, $query->getQuery()),
            $query instanceof EloquentBuilder => $this->ofModels($query, $query),
            default => throw new InvalidArgumentException(sprintf(
                'query() gave a %s; a builder of the database is needed. Searches (Scout) page by number,'
                . ' which loses and doubles rows',
                get_class($query),
            )),
        };
    }

    /**
     * @param EloquentBuilder|Relation $query
     * @return iterable<object>
     */
    private function ofModels(object $query, EloquentBuilder $builder): iterable
    {
        $model = $builder->getModel();
        $key = $model->getKeyName();
        if (is_string($key) && $this->isPlain($builder->toBase(), $model->getTable(), $key)) {
            return $query->lazyById($this->chunkRows, $model->qualifyColumn($key), $key);
        }
        return $this->withRelations($query->cursor(), $builder);
    }

    /** Whether reading by ascending key gives exactly the query's rows. */
    private function isPlain(QueryBuilder $base, string $table, string $key): bool
    {
        return $base->from === $table
            && !$base->orders && !$base->groups && !$base->havings && !$base->joins && !$base->unions
            && !$base->distinct && $base->limit === null && $base->offset === null
            && ($base->groupLimit ?? null) === null // Laravel 11 and later
            && !$this->hasAlternatives($base->wheres)
            && $this->hasColumn($base->columns ?? ['*'], $table, $key);
    }

    /**
     * Whether `AND key > last` behind the conditions would hold for the last of them only: rows that the others
     * find would come again with every chunk, for ever.
     *
     * @param list<array<string, mixed>> $wheres
     */
    private function hasAlternatives(array $wheres): bool
    {
        foreach ($wheres as $number => $where) {
            $isRaw = strtolower($where['type']) === 'raw'; // Laravel puts no brackets around it
            if ($number > 0 && str_starts_with($where['boolean'], 'or') || $isRaw && self::mayHaveOr($where['sql'])) {
                return true;
            }
        }
        return false;
    }

    private static function mayHaveOr(mixed $sql): bool
    {
        return !is_string($sql) || preg_match('/\bor\b|\|\||\bxor\b/i', $sql) === 1;
    }

    /** @param list<mixed> $columns */
    private function hasColumn(array $columns, string $table, string $key): bool
    {
        foreach (['*', "$table.*", $key, "$table.$key"] as $name) {
            if (in_array($name, $columns, true)) {
                return true;
            }
        }
        return false;
    }

    /**
     * A cursor leaves out what `with()` asked for.
     *
     * @param \Illuminate\Support\LazyCollection<int, object> $models
     * @return iterable<object>
     */
    private function withRelations(iterable $models, EloquentBuilder $builder): iterable
    {
        if (!$builder->getEagerLoads()) {
            yield from $models;
            return;
        }
        foreach ($models->chunk($this->chunkRows) as $chunk) {
            foreach ($builder->eagerLoadRelations(array_values($chunk->all())) as $model) {
                yield $model;
            }
        }
    }
}
