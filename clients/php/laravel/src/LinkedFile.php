<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use RuntimeException;

/**
 * The file behind a link, read as it comes. Whoever has a link has the file: no message names it.
 */
final class LinkedFile
{
    private const PIECE_BYTES = 1 << 18;

    private const HEADERS = ['content-type', 'content-disposition', 'content-length'];

    /** @param resource $stream */
    private function __construct(public readonly mixed $stream)
    {
    }

    public static function open(string $url): self
    {
        $stream = @fopen($url, 'rb');
        if ($stream === false) {
            throw new RuntimeException('The exported file can\'t be read by its link');
        }
        return new self($stream);
    }

    /** @return array<string, string> what the file is, as the last answer on the way to it says */
    public function headers(): array
    {
        $found = [];
        foreach (stream_get_meta_data($this->stream)['wrapper_data'] ?? [] as $line) {
            $found = str_starts_with($line, 'HTTP/') ? [] : $found;
            [$name, $value] = explode(':', $line, 2) + [1 => ''];
            if (in_array(strtolower($name), self::HEADERS, true)) {
                $found[strtolower($name)] = trim($value);
            }
        }
        return $found;
    }

    /**
     * Reads all of it into a temporary file: PHP does not say that a connection broke off in the middle.
     *
     * @return resource
     */
    public function whole(int $sizeBytes): mixed
    {
        $file = tmpfile();
        if ($file === false) {
            throw new RuntimeException('No temporary file can be made');
        }
        $readBytes = stream_copy_to_stream($this->stream, $file);
        fclose($this->stream);
        if ($readBytes !== $sizeBytes) {
            throw new RuntimeException("The exported file broke off: $readBytes of $sizeBytes bytes came");
        }
        rewind($file);
        return $file;
    }

    /** Sends it to the browser, which compares its length. */
    public function send(): void
    {
        // A connection that stands still gives '' after default_socket_timeout, and is not at its end.
        while (!feof($this->stream) && ($piece = (string) fread($this->stream, self::PIECE_BYTES)) !== '') {
            echo $piece;
            flush();
        }
        fclose($this->stream);
    }
}
