<?php

declare(strict_types=1);

namespace Rowferry\Symfony\Tests;

use App\Command\ExportNumbersCommand;
use App\Controller\ExportController;
use Rowferry\Rowferry;
use Rowferry\Symfony\RowferryBundle;
use Symfony\Bundle\FrameworkBundle\FrameworkBundle;
use Symfony\Bundle\FrameworkBundle\Kernel\MicroKernelTrait;
use Symfony\Component\DependencyInjection\Loader\Configurator\ContainerConfigurator;
use Symfony\Component\HttpKernel\Kernel as SymfonyKernel;
use Symfony\Component\Routing\Loader\Configurator\RoutingConfigurator;

/**
 * The application of examples/symfony: FrameworkBundle and this bundle, in a folder of its own.
 */
final class Kernel extends SymfonyKernel
{
    use MicroKernelTrait;

    private readonly string $folder;

    /** @param array<string, mixed>|\Closure $rowferry the settings below `rowferry:`, or what configures them */
    public function __construct(private readonly array|\Closure $rowferry)
    {
        parent::__construct('test', true);
        $this->folder = sys_get_temp_dir() . '/rowferry-symfony-' . bin2hex(random_bytes(6));
        mkdir($this->folder, 0o700);
    }

    public function registerBundles(): iterable
    {
        return [new FrameworkBundle(), new RowferryBundle()];
    }

    public function getProjectDir(): string
    {
        return $this->folder;
    }

    public function getCacheDir(): string
    {
        return $this->folder . '/cache';
    }

    public function getLogDir(): string
    {
        return $this->folder;
    }

    protected function configureContainer(ContainerConfigurator $container): void
    {
        $container->extension('framework', [
            'secret' => 'x',
            'router' => ['utf8' => true],
            'http_method_override' => false,
        ]);
        is_array($this->rowferry)
            ? $container->extension('rowferry', $this->rowferry)
            : ($this->rowferry)($container);
        $services = $container->services()->defaults()->autowire()->autoconfigure()->public();
        $services->set(ExportController::class);
        $services->set(ExportNumbersCommand::class);
        $services->set(Lines::class);
        $services->alias('logger', Lines::class);
        $services->alias('client', Rowferry::class);
    }

    protected function configureRoutes(RoutingConfigurator $routes): void
    {
        $routes->add('export_numbers', '/numbers/{count}')->controller([ExportController::class, 'numbers']);
    }
}
