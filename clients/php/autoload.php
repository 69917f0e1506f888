<?php

declare(strict_types=1);

// For programs without Composer: PSR-4 of this package, and Psr\Log where Debian puts it.

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Rowferry\\')) {
        $path = __DIR__ . '/src/' . strtr(substr($class, 9), '\\', '/') . '.php';
        if (is_file($path)) {
            require $path;
        }
    }
});

if (!interface_exists(\Psr\Log\LoggerInterface::class) && is_file('/usr/share/php/Psr/Log/autoload.php')) {
    require_once '/usr/share/php/Psr/Log/autoload.php';
}
