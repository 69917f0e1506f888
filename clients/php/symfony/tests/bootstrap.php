<?php

declare(strict_types=1);

// Debian's Symfony 5.4 on PHP 8.2: its own deprecations are not ours. No Composer needed.
error_reporting(E_ALL & ~E_DEPRECATED);

require '/usr/share/php/Symfony/Bundle/FrameworkBundle/autoload.php';
require __DIR__ . '/../../autoload.php';

spl_autoload_register(static function (string $class): void {
    $folders = [
        'Rowferry\\Symfony\\Tests\\' => __DIR__,
        'Rowferry\\Symfony\\' => __DIR__ . '/../src',
        'App\\' => __DIR__ . '/../../examples/symfony/src',
    ];
    foreach ($folders as $prefix => $folder) {
        $path = $folder . '/' . strtr(substr($class, strlen($prefix)), '\\', '/') . '.php';
        if (str_starts_with($class, $prefix) && is_file($path)) {
            require $path;
            return;
        }
    }
});
