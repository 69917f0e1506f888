<?php

declare(strict_types=1);

// Debian's Laravel 8 on PHP 8.2: its own deprecations are not ours. No Composer needed.
error_reporting(E_ALL & ~E_DEPRECATED);

require '/usr/share/php/Illuminate/autoload.php';
require __DIR__ . '/../../autoload.php';

spl_autoload_register(static function (string $class): void {
    $folders = [
        'Rowferry\\Laravel\\Tests\\' => __DIR__,
        'Rowferry\\Laravel\\' => __DIR__ . '/../src',
        // Laravel Excel's interfaces as its documentation names them: the package itself is in no Debian.
        'Maatwebsite\\Excel\\Concerns\\' => __DIR__ . '/LaravelExcel',
        'App\\' => __DIR__ . '/../../examples/laravel/app',
    ];
    foreach ($folders as $prefix => $folder) {
        $path = $folder . '/' . strtr(substr($class, strlen($prefix)), '\\', '/') . '.php';
        if (str_starts_with($class, $prefix) && is_file($path)) {
            require $path;
            return;
        }
    }
});
