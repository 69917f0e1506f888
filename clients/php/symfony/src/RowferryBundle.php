<?php

declare(strict_types=1);

namespace Rowferry\Symfony;

use Symfony\Component\HttpKernel\Bundle\Bundle;

/**
 * `Rowferry\Rowferry` becomes a service that is autowired; its settings are `rowferry:`.
 */
final class RowferryBundle extends Bundle
{
}
