<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Tests;

use Illuminate\Contracts\Console\Kernel as ConsoleKernelContract;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Filesystem\Filesystem;
use Illuminate\Foundation\Application as Laravel;
use Illuminate\Foundation\Console\Kernel as ConsoleKernel;
use Illuminate\Foundation\Exceptions\Handler;
use Illuminate\Support\Facades\Facade;
use Rowferry\Laravel\Tests\Fixtures\Order;
use Rowferry\Laravel\Tests\Fixtures\User;

/**
 * A Laravel application in a folder of its own, which knows this package as Composer would tell it.
 */
final class Application
{
    public readonly string $folder;

    public readonly Laravel $laravel;

    /** @param array<string, mixed> $rowferry settings of config/rowferry.php */
    public function __construct(array $rowferry = [])
    {
        $this->folder = sys_get_temp_dir() . '/rowferry-laravel-' . bin2hex(random_bytes(6));
        $this->write('vendor/composer/installed.json', (string) json_encode(['packages' => [
            json_decode((string) file_get_contents(__DIR__ . '/../composer.json'), true),
        ]]));
        $configuration = self::configuration($this->folder);
        $configuration['rowferry'] = $rowferry + ['address' => getenv('ROWFERRY_ADDRESS')];
        foreach ($configuration as $name => $values) {
            $this->write("config/$name.php", '<?php return ' . var_export($values, true) . ';');
        }
        foreach (['bootstrap/cache', 'storage/logs', 'storage/app', 'storage/framework/cache'] as $folder) {
            mkdir("$this->folder/$folder", 0o700, true);
        }
        $this->laravel = new Laravel($this->folder);
        $this->laravel->singleton(ConsoleKernelContract::class, ConsoleKernel::class);
        $this->laravel->singleton(ExceptionHandler::class, Handler::class);
        $this->laravel->make(ConsoleKernelContract::class)->bootstrap();
    }

    /** What a command prints. */
    public function artisan(string $command): string
    {
        $kernel = $this->laravel->make(ConsoleKernelContract::class);
        $code = $kernel->call($command);
        $output = $kernel->output();
        if ($code !== 0) {
            throw new \RuntimeException("artisan $command: $code\n$output");
        }
        return $output;
    }

    public function withUsers(int $users, int $ordersOfEach = 0): self
    {
        $schema = $this->laravel->make('db')->connection()->getSchemaBuilder();
        $schema->create('users', static function (Blueprint $table): void {
            $table->id();
            $table->string('name');
            $table->decimal('balance');
            $table->boolean('active');
            $table->dateTime('joined_at')->nullable();
        });
        $schema->create('orders', static function (Blueprint $table): void {
            $table->id();
            $table->foreignId('user_id');
            $table->string('number');
        });
        foreach (array_chunk(range(1, $users), 150) as $ids) {
            User::insert(array_map(User::row(...), $ids));
        }
        for ($number = 1; $number <= $ordersOfEach; $number++) {
            foreach (array_chunk(range(1, $users), 150) as $ids) {
                Order::insert(array_map(static fn (int $id) => ['user_id' => $id, 'number' => "$id/$number"], $ids));
            }
        }
        return $this;
    }

    public function close(): void
    {
        $this->laravel->make('db')->disconnect();
        $this->laravel->flush();
        Facade::clearResolvedInstances();
        Facade::setFacadeApplication(null);
        restore_error_handler();
        restore_exception_handler();
        (new Filesystem())->deleteDirectory($this->folder);
    }

    private function write(string $path, string $text): void
    {
        if (!is_dir(dirname("$this->folder/$path"))) {
            mkdir(dirname("$this->folder/$path"), 0o700, true);
        }
        file_put_contents("$this->folder/$path", $text);
    }

    /** @return array<string, array<string, mixed>> */
    private static function configuration(string $folder): array
    {
        return [
            'app' => [
                'name' => 'shop',
                'env' => 'testing',
                'key' => 'base64:' . base64_encode(random_bytes(32)),
                'cipher' => 'AES-256-CBC',
                'timezone' => 'Europe/Berlin',
                'locale' => 'en',
                'aliases' => [],
                'providers' => [
                    \Illuminate\Bus\BusServiceProvider::class,
                    \Illuminate\Cache\CacheServiceProvider::class,
                    \Illuminate\Foundation\Providers\ConsoleSupportServiceProvider::class,
                    \Illuminate\Database\DatabaseServiceProvider::class,
                    \Illuminate\Encryption\EncryptionServiceProvider::class,
                    \Illuminate\Filesystem\FilesystemServiceProvider::class,
                    \Illuminate\Foundation\Providers\FoundationServiceProvider::class,
                    \Illuminate\Queue\QueueServiceProvider::class,
                    \Illuminate\View\ViewServiceProvider::class,
                ],
            ],
            'cache' => ['default' => 'array', 'stores' => ['array' => ['driver' => 'array']], 'prefix' => ''],
            'database' => [
                'default' => 'sqlite',
                'migrations' => 'migrations',
                'connections' => ['sqlite' => ['driver' => 'sqlite', 'database' => ':memory:', 'prefix' => '']],
            ],
            'filesystems' => [
                'default' => 'local',
                'disks' => ['local' => ['driver' => 'local', 'root' => "$folder/storage/app"]],
                'links' => [],
            ],
            'logging' => [
                'default' => 'single',
                'channels' => ['single' => ['driver' => 'single', 'path' => "$folder/storage/logs/laravel.log"]],
            ],
            'queue' => [
                'default' => 'sync',
                'connections' => [
                    'sync' => ['driver' => 'sync'],
                    'database' => [
                        'driver' => 'database',
                        'table' => 'jobs',
                        'queue' => 'default',
                        'retry_after' => 3600,
                    ],
                ],
                'failed' => ['driver' => 'database', 'database' => 'sqlite', 'table' => 'failed_jobs'],
            ],
            'view' => ['paths' => [], 'compiled' => "$folder/storage/framework"],
        ];
    }
}
