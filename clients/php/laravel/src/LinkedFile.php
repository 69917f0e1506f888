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
            [$name, $value] = explode(':', $line, 2) + [1 => ''];
            if (in_array(strtolower($name), self::HEADERS, true)) {
                $found[strtolower($name)] = trim($value);
            }
        }
        return $found;
    }

    /** Sends it to the browser. */
    public function send(): void
    {
        while (!feof($this->stream)) {
            echo fread($this->stream, self::PIECE_BYTES);
            flush();
        }
        fclose($this->stream);
    }
}
