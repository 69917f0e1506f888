<?php

declare(strict_types=1);

namespace Rowferry\Wire;

/**
 * Fields of protobuf messages: https://protobuf.dev/programming-guides/encoding/.
 *
 * As proto3 has it, a field with its default value takes no bytes.
 */
final class Writer
{
    private const VARINT = 0;
    private const LENGTH = 2;

    private string $bytes = '';

    public function bytes(): string
    {
        return $this->bytes;
    }

    /** Ten bytes at most; a negative number has all ten. */
    public static function varint(int $value): string
    {
        $bytes = '';
        // >> keeps the sign: the mask makes it the shift of an unsigned number.
        while ($value > 0x7F || $value < 0) {
            $bytes .= \chr($value & 0x7F | 0x80);
            $value = ($value >> 7) & 0x01FFFFFFFFFFFFFF;
        }
        return $bytes . \chr($value);
    }

    /** The key of a field that has its length in front, and that length. */
    public static function lengthPrefix(int $field, int $length): string
    {
        return self::varint($field << 3 | self::LENGTH) . self::varint($length);
    }

    /** An int32, int64, bool or enum. */
    public function integer(int $field, int $value): self
    {
        if ($value !== 0) {
            $this->bytes .= self::varint($field << 3 | self::VARINT) . self::varint($value);
        }
        return $this;
    }

    public function text(int $field, string $value): self
    {
        return $value === '' ? $this : $this->message($field, $value);
    }

    /** A message, or an element of a repeated text: there even if empty. */
    public function message(int $field, string $bytes): self
    {
        $this->bytes .= self::lengthPrefix($field, \strlen($bytes)) . $bytes;
        return $this;
    }

    /** @param list<int> $values */
    public function packedIntegers(int $field, array $values): self
    {
        return $values === [] ? $this : $this->message($field, implode('', array_map(self::varint(...), $values)));
    }

    /** @param array<string, string> $entries */
    public function map(int $field, array $entries): self
    {
        foreach ($entries as $key => $value) {
            $this->message($field, (new self())->text(1, (string) $key)->text(2, $value)->bytes);
        }
        return $this;
    }

    /** A google.protobuf.Timestamp. */
    public function time(int $field, ?\DateTimeInterface $time): self
    {
        if ($time === null) {
            return $this;
        }
        $nanos = 1000 * (int) $time->format('u');
        return $this->message($field, (new self())->integer(1, $time->getTimestamp())->integer(2, $nanos)->bytes);
    }
}
