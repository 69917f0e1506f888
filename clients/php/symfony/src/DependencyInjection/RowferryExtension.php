<?php

declare(strict_types=1);

namespace Rowferry\Symfony\DependencyInjection;

use Rowferry\Rowferry;
use Symfony\Component\DependencyInjection\ContainerBuilder;
use Symfony\Component\DependencyInjection\Definition;
use Symfony\Component\DependencyInjection\Extension\Extension;
use Symfony\Component\DependencyInjection\Reference;

/**
 * Defines the client as a service, which connects when it is first asked for.
 */
final class RowferryExtension extends Extension
{
    /** @param array<array<string, mixed>> $configs */
    public function load(array $configs, ContainerBuilder $container): void
    {
        $config = $this->processConfiguration(new Configuration(), $configs);
        $client = new Definition(Rowferry::class);
        $client->setFactory([Rowferry::class, 'connect']);
        $client->setArguments([
            '$address' => $config['address'],
            '$token' => $config['token'],
            '$ca' => $config['ca'],
            '$certificate' => $config['certificate'],
            '$key' => $config['key'],
            '$transport' => $config['transport'],
            '$logger' => new Reference('logger'), // FrameworkBundle always has one
        ]);
        $client->addTag('monolog.logger', ['channel' => 'rowferry']);
        $container->setDefinition(Rowferry::class, $client);
    }
}
