<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use Illuminate\Contracts\Filesystem\Factory as Disks;
use Illuminate\Contracts\Foundation\Application;
use Illuminate\Support\ServiceProvider;
use InvalidArgumentException;
use Psr\Log\LoggerInterface;
use Rowferry\Rowferry;

/**
 * Puts the client and `Exports` into the container; found by Laravel itself (`extra.laravel` of composer.json).
 */
final class RowferryServiceProvider extends ServiceProvider
{
    private const CONFIG = __DIR__ . '/../config/rowferry.php';

    public function register(): void
    {
        $this->mergeConfigFrom(self::CONFIG, 'rowferry');
        $this->app->singleton(Rowferry::class, static function (Application $app): Rowferry {
            $config = $app->make('config')->get('rowferry');
            return Rowferry::connect(
                $config['address'],
                $config['token'],
                $config['ca'],
                $config['certificate'],
                $config['key'],
                $config['transport'],
                logger: $app->make(LoggerInterface::class),
            );
        });
        $this->app->singleton(Exports::class, static function (Application $app): Exports {
            $config = $app->make('config');
            return new Exports(
                $app->make(Rowferry::class),
                $app->make(Disks::class),
                $app->make(LoggerInterface::class),
                $config->get('rowferry.chunk_rows'),
                $config->get('rowferry.timezone') ?? $config->get('app.timezone'),
                self::redirects($config->get('rowferry.downloads')),
            );
        });
    }

    public function boot(): void
    {
        if ($this->app->runningInConsole()) {
            $this->publishes([self::CONFIG => $this->app->configPath('rowferry.php')], 'rowferry-config');
        }
    }

    private static function redirects(string $downloads): bool
    {
        return match ($downloads) {
            'redirect' => true,
            'proxy' => false,
            default => throw new InvalidArgumentException('rowferry.downloads is "redirect" or "proxy"'),
        };
    }
}
