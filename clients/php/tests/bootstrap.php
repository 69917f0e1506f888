<?php

declare(strict_types=1);

// phpunit --bootstrap clients/php/tests/bootstrap.php: no Composer needed.

require __DIR__ . '/../autoload.php';

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Rowferry\\Tests\\')) {
        $path = __DIR__ . '/' . strtr(substr($class, 15), '\\', '/') . '.php';
        if (is_file($path)) {
            require $path;
        }
    }
});
