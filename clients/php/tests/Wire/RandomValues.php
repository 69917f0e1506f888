<?php

declare(strict_types=1);

namespace Rowferry\Tests\Wire;

/**
 * Values that encodings may trip over; the seed tells them again.
 */
final class RandomValues
{
    private const TEXTS = ['', 'a', '订单 😀', "\0", "line\nbreak", '%', '{"x":1}'];
    private const INTEGERS = [0, 1, 127, 128, 16383, 16384, 2147483647, PHP_INT_MAX, 4294967296, 1 << 62];

    public function __construct(int $seed)
    {
        mt_srand($seed);
    }

    public function text(): string
    {
        return match (mt_rand(0, 2)) {
            0 => self::TEXTS[array_rand(self::TEXTS)],
            1 => str_repeat('ü', mt_rand(0, 200)),
            default => str_repeat(dechex(mt_rand()), mt_rand(0, 9)),
        };
    }

    public function integer(): int
    {
        return mt_rand(0, 1) === 0 ? self::INTEGERS[array_rand(self::INTEGERS)] : mt_rand();
    }

    public function signed(): int
    {
        return mt_rand(0, 1) === 0 ? -$this->integer() : $this->integer();
    }

    /** What an int32 may be. */
    public function small(): int
    {
        return [0, 1, -1, 2147483647, -2147483648, mt_rand(0, 100000)][mt_rand(0, 5)];
    }

    public function float(): float
    {
        return [0.0, 1.5, -2.25, 1e300, mt_rand() / 7][mt_rand(0, 4)];
    }

    /** What a 32-bit float says exactly. */
    public function shortFloat(): float
    {
        return [0.0, 12.5, 100.0, 0.0009765625][mt_rand(0, 3)];
    }

    public function time(): ?\DateTimeImmutable
    {
        $text = sprintf('@%d.%06d', mt_rand(0, 1 << 33), mt_rand(0, 999999));
        return mt_rand(0, 3) === 0 ? null : new \DateTimeImmutable($text);
    }

    /** @return array<string, string> */
    public function texts(): array
    {
        $texts = [];
        for ($left = mt_rand(0, 3); $left > 0; $left--) {
            $texts['k' . $this->text()] = $this->text();
        }
        return $texts;
    }

    /**
     * @template T
     * @param list<T> $words
     * @return T
     */
    public function one(array $words): mixed
    {
        return $words[array_rand($words)];
    }

    /**
     * @template T
     * @param \Closure(): T $make
     * @return list<T>
     */
    public function several(\Closure $make): array
    {
        $made = [];
        for ($left = mt_rand(0, 3); $left > 0; $left--) {
            $made[] = $make();
        }
        return $made;
    }
}
