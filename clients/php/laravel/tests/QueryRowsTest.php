<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Tests;

use Illuminate\Support\Facades\DB;
use Rowferry\Laravel\QueryRows;
use Rowferry\Laravel\Tests\Fixtures\User;

final class QueryRowsTest extends LaravelTestCase
{
    /** @var list<string> */
    private array $statements = [];

    /** @dataProvider queries */
    public function testEveryRowOfTheQueryComesOnceInItsOrder(\Closure $query, int $statements): void
    {
        $this->watchedUsers(1000, ordersOfEach: 2);
        $expected = $query()->get()->pluck('id')->all();
        $this->statements = [];

        $found = [];
        foreach ((new QueryRows(100))->of($query()) as $row) {
            $found[] = $row->id;
        }

        self::assertSame($expected, $found);
        self::assertCount($statements, $this->statements);
        self::assertStringNotContainsStringIgnoringCase('offset', implode("\n", $this->statements));
    }

    /** @return iterable<string, array{\Closure, int}> queries, and how many statements read them */
    public function queries(): iterable
    {
        yield 'plain' => [static fn () => User::query(), 11];
        yield 'conditions' => [static fn () => User::where('active', true), 6];
        yield 'one condition or another' => [static fn () => User::where('active', true)->orWhere('id', '<', 300), 1];
        yield 'one condition or another, as SQL' => [static fn () => User::whereRaw('active = 1 OR id < 300'), 1];
        yield 'one condition or another, in a group' => [
            static fn () => User::where(static fn ($either) => $either->where('active', true)->orWhere('id', '<', 300)),
            7,
        ];
        yield 'some columns' => [static fn () => User::select('users.id', 'name'), 11];
        yield 'ordered' => [static fn () => User::orderBy('name'), 1];
        yield 'newest first' => [static fn () => User::latest('id'), 1];
        yield 'limited' => [static fn () => User::query()->limit(150), 1];
        yield 'without its key' => [static fn () => User::select('name', 'balance as id'), 1];
        yield 'joined, a user twice' => [
            static fn () => User::join('orders', 'orders.user_id', '=', 'users.id')->select('users.id'),
            1,
        ];
        yield 'grouped' => [static fn () => User::selectRaw('max(id) as id')->groupBy('active'), 1];
        yield 'a union' => [static fn () => User::where('id', 1)->union(User::where('id', 7)), 1];
        yield 'a relation' => [static fn () => User::find(7)->orders(), 2];
        yield 'no model' => [static fn () => DB::table('users')->where('id', '>', 500), 1];
    }

    public function testRowsDeletedMeanwhileTakeNoOthersWithThem(): void
    {
        $this->watchedUsers(1000);
        $found = [];
        foreach ((new QueryRows(100))->of(User::query()) as $user) {
            $found[] = $user->id;
            $user->delete();
        }
        self::assertSame(range(1, 1000), $found);
    }

    /** @dataProvider eagerQueries */
    public function testRelationsAreLoadedForManyRowsAtOnce(\Closure $query, int $statements): void
    {
        $this->watchedUsers(300, ordersOfEach: 2);
        $this->statements = [];
        $orders = 0;
        foreach ((new QueryRows(100))->of($query()) as $user) {
            $orders += $user->orders->count();
        }
        self::assertSame(600, $orders);
        self::assertCount($statements, $this->statements);
    }

    /** @return iterable<string, array{\Closure, int}> */
    public function eagerQueries(): iterable
    {
        yield 'by key' => [static fn () => User::with('orders'), 4 + 3];
        yield 'by a cursor' => [static fn () => User::with('orders')->orderByDesc('name'), 1 + 3];
    }

    public function testMemoryDoesNotGrowWithTheRows(): void
    {
        $this->watchedUsers(20_000);
        $this->statements = [];
        foreach ([User::query(), User::orderBy('name'), DB::table('users')] as $query) {
            foreach ((new QueryRows(100))->of($query) as $number => $row) {
                $held[$number < 5000 ? 'first' : 'later'] = memory_get_usage();
            }
            self::assertLessThan(1 << 19, $held['later'] - $held['first']);
        }
    }

    public function testASearchIsRefused(): void
    {
        $this->expectExceptionMessage('page by number');
        (new QueryRows(100))->of(new \ArrayObject());
    }

    private function watchedUsers(int $users, int $ordersOfEach = 0): void
    {
        $this->application()->withUsers($users, $ordersOfEach);
        DB::listen(function ($query): void {
            if (str_starts_with(strtolower($query->sql), 'select')) {
                $this->statements[] = $query->sql;
            }
        });
    }
}
