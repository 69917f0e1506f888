<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Tests\Fixtures;

use Illuminate\Database\Eloquent\Model;
use Illuminate\Database\Eloquent\Relations\HasMany;

final class User extends Model
{
    public $timestamps = false;

    protected $guarded = [];

    protected $casts = ['balance' => 'decimal:2', 'active' => 'boolean', 'joined_at' => 'datetime'];

    /** @return array<string, mixed> */
    public static function row(int $number): array
    {
        return [
            'id' => $number,
            'name' => "用户 $number",
            'balance' => $number . '.50',
            'active' => $number % 2 === 0,
            'joined_at' => $number % 3 === 0 ? null : '2026-03-01 08:00:00',
        ];
    }

    public function orders(): HasMany
    {
        return $this->hasMany(Order::class);
    }
}
