<?php

declare(strict_types=1);

namespace Rowferry;

use Rowferry\Exception\Errors;
use Rowferry\Wire\Json;

/**
 * An export whose rows a data provider of the service has: the contract's CreateExportRequest.
 */
final class PulledExport
{
    /** A JSON object, or '' for none. */
    public readonly string $parametersJson;

    /**
     * @param ExportMetadata $metadata without columns the provider names them
     * @param array<string, mixed> $parameters what the provider's schema asks for
     * @param \DateTimeInterface|null $runAt null = now
     *
     * Throws InvalidRequestException for parameters that JSON can't say.
     */
    public function __construct(
        public readonly ExportMetadata $metadata,
        public readonly string $provider,
        array $parameters = [],
        public readonly ?\DateTimeInterface $runAt = null,
    ) {
        if ($provider === '') {
            // Over HTTP the same document without a provider is a pushed export.
            throw Errors::of('INVALID_METADATA', 'the provider has no name', ['field' => 'provider']);
        }
        try {
            $this->parametersJson = $parameters === [] ? '' : Json::encode((object) $parameters);
        } catch (\JsonException $error) {
            throw Errors::of('INVALID_METADATA', "the parameters can't be sent: {$error->getMessage()}", [
                'field' => 'parameters',
                'expected' => 'what JSON can say',
            ]);
        }
    }
}
