<?php

declare(strict_types=1);

namespace Rowferry\Symfony\Tests;

use App\Command\ExportNumbersCommand;
use App\Controller\ExportController;
use PHPUnit\Framework\TestCase;
use Rowferry\Exception\RowferryException;
use Symfony\Component\Config\Definition\Exception\InvalidConfigurationException;
use Symfony\Component\Console\Tester\CommandTester;
use Symfony\Component\Filesystem\Filesystem;
use Symfony\Component\HttpFoundation\Request;

final class BundleTest extends TestCase
{
    private ?Kernel $kernel = null;

    public function testTheClientIsAutowiredAndExports(): void
    {
        $kernel = $this->kernel(['address' => '%env(ROWFERRY_ADDRESS)%']);
        $response = $kernel->handle(Request::create('/numbers/1000'));

        self::assertSame(302, $response->getStatusCode());
        $lines = explode("\r\n", (string) file_get_contents($response->headers->get('Location')));
        self::assertSame(['number,text', '1,行 1', '2,行 2'], array_slice($lines, 0, 3));
        self::assertCount(1 + 1000 + 1, $lines);
    }

    public function testACommandExportsWithABar(): void
    {
        $kernel = $this->kernel(['address' => '%env(ROWFERRY_ADDRESS)%', 'transport' => 'curl']);
        $command = new CommandTester($kernel->getContainer()->get(ExportNumbersCommand::class));

        self::assertSame(0, $command->execute([]));
        self::assertStringContainsString('50000/50000', $command->getDisplay());
        self::assertMatchesRegularExpression('#^http://\S+/d/\S+$#m', $command->getDisplay());
    }

    public function testATokenOfTheEnvironmentIsReadAtRunTime(): void
    {
        $container = $this->kernel(['address' => '127.0.0.1:1', 'token' => '%env(ROWFERRY_ADDRESS)%'])->getContainer();
        self::assertInstanceOf(ExportController::class, $container->get(ExportController::class));
        foreach (glob($this->kernel->getCacheDir() . '/*/*.php') as $file) {
            self::assertStringNotContainsString((string) getenv('ROWFERRY_ADDRESS'), (string) file_get_contents($file));
        }
    }

    public function testTheApplicationsLogHearsOfNewConnections(): void
    {
        $container = $this->kernel(['address' => '127.0.0.1:1'])->getContainer();
        try {
            $container->get('client')->export([[1]], ['a'], deadlineSeconds: 0.5);
            self::fail('there is no service');
        } catch (RowferryException) {
            $lines = $container->get('logger')->lines;
            self::assertStringContainsString('new connection', implode("\n", $lines));
        }
    }

    /**
     * @dataProvider mistakes
     * @param array<string, mixed> $config
     */
    public function testAMistakeInTheSettingsStopsTheBuild(array $config, string $message): void
    {
        $this->expectException(InvalidConfigurationException::class);
        $this->expectExceptionMessageMatches($message);
        $this->kernel($config);
    }

    /** @return iterable<string, array{array<string, mixed>, string}> */
    public function mistakes(): iterable
    {
        yield 'no address' => [[], '/"address"/'];
        yield 'an unknown one' => [['address' => 'x:1', 'adress' => 'y'], '/adress/'];
        yield 'an unknown transport' => [['address' => 'x:1', 'transport' => 'smoke'], '/smoke/'];
        yield 'an empty one' => [['address' => ''], '/cannot contain an empty value/'];
    }

    /** @param array<string, mixed> $config */
    private function kernel(array $config): Kernel
    {
        $this->kernel = new Kernel($config);
        $this->kernel->boot();
        return $this->kernel;
    }

    protected function tearDown(): void
    {
        $this->kernel?->shutdown();
        (new Filesystem())->remove($this->kernel?->getProjectDir() ?? []);
        restore_exception_handler();
    }
}
