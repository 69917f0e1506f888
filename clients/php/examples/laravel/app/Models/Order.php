<?php

declare(strict_types=1);

namespace App\Models;

use Illuminate\Database\Eloquent\Model;

class Order extends Model
{
    public $timestamps = false;

    protected $guarded = [];

    protected $casts = ['amount' => 'decimal:2', 'ordered_at' => 'datetime'];
}
