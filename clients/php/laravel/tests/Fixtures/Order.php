<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Tests\Fixtures;

use Illuminate\Database\Eloquent\Model;

final class Order extends Model
{
    public $timestamps = false;

    protected $guarded = [];
}
