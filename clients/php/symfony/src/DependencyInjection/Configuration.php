<?php

declare(strict_types=1);

namespace Rowferry\Symfony\DependencyInjection;

use Symfony\Component\Config\Definition\Builder\TreeBuilder;
use Symfony\Component\Config\Definition\ConfigurationInterface;

/**
 * The settings below `rowferry:`.
 */
final class Configuration implements ConfigurationInterface
{
    public function getConfigTreeBuilder(): TreeBuilder
    {
        $tree = new TreeBuilder('rowferry');
        $tree->getRootNode()
            ->children()
                ->scalarNode('address')
                    ->info('"host:port" of the gRPC port (of the HTTP port for "http"); "https://host:port" with TLS')
                    ->isRequired()
                    ->cannotBeEmpty()
                ->end()
                ->scalarNode('token')
                    ->info('The client\'s token, where the service asks for one: "%env(ROWFERRY_TOKEN)%"')
                    ->defaultNull()
                ->end()
                ->scalarNode('ca')->info('Path of PEM certificates to trust')->defaultNull()->end()
                ->scalarNode('certificate')->info('Path of a client certificate, PEM')->defaultNull()->end()
                ->scalarNode('key')->info('Path of its key')->defaultNull()->end()
                ->enumNode('transport')
                    ->info('The first that is there by default')
                    ->values([null, 'curl', 'ext-grpc', 'http'])
                    ->defaultNull()
                ->end()
            ->end();
        return $tree;
    }
}
