<?php

declare(strict_types=1);

return [

    // Where the service's gRPC port is: "host:port", or "https://host:port" with TLS.
    'address' => env('ROWFERRY_ADDRESS', '127.0.0.1:9090'),

    // The client's token, where the service asks for one.
    'token' => env('ROWFERRY_TOKEN'),

    // Paths of PEM files: certificates to trust instead of the system's; a client certificate and its key.
    'ca' => env('ROWFERRY_CA'),
    'certificate' => env('ROWFERRY_CERTIFICATE'),
    'key' => env('ROWFERRY_KEY'),

    // "curl", "ext-grpc" or "http" (then the address is that of the HTTP port); null: the first that is there.
    'transport' => env('ROWFERRY_TRANSPORT'),

    // "redirect": browsers fetch a download by its link. "proxy": it passes through this server, for
    // browsers that can't reach the service's HTTP port.
    'downloads' => env('ROWFERRY_DOWNLOADS', 'redirect'),

    // Rows of a query by key, unless an export class says it (WithCustomChunkSize).
    'chunk_rows' => 1000,

    // In which zone moments are shown; null is the application's.
    'timezone' => null,

];
