<?php

declare(strict_types=1);

// The classes that protoc made for ROWFERRY_GENERATED, and Google's own: those of the extension, or Debian's in PHP.

require __DIR__ . '/../bootstrap.php';

spl_autoload_register(static function (string $class): void {
    $folders = [getenv('ROWFERRY_GENERATED'), '/usr/share/php'];
    if (preg_match('/^(Rowferry\\\\V1|GPBMetadata|Google)\\\\/', $class) !== 1) {
        return;
    }
    foreach ($folders as $folder) {
        $path = "$folder/" . strtr($class, '\\', '/') . '.php';
        if (is_file($path)) {
            require $path;
            return;
        }
    }
});
