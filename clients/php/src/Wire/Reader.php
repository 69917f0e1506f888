<?php

declare(strict_types=1);

namespace Rowferry\Wire;

/**
 * The fields of a protobuf message, one after the other.
 *
 * Whoever does not know a field just asks for the next. A message that ends within a field, or has
 * what proto3 does not have, throws MalformedMessage.
 */
final class Reader
{
    private const VARINT = 0;
    private const FIXED64 = 1;
    private const LENGTH = 2;
    private const FIXED32 = 5;

    private int $position = 0;
    private readonly int $end;
    private int $integer = 0;
    private string $text = '';

    public function __construct(private readonly string $bytes)
    {
        $this->end = \strlen($bytes);
    }

    /** The number of the next field, whose value is then at hand; 0 at the end. */
    public function field(): int
    {
        if ($this->position >= $this->end) {
            return 0;
        }
        $this->integer = 0;
        $this->text = '';
        $key = $this->varint();
        $field = $key >> 3;
        if ($field <= 0 || $key > 0xFFFFFFFF) {
            throw new MalformedMessage('a field has no number');
        }
        match ($key & 7) {
            self::VARINT => $this->integer = $this->varint(),
            self::FIXED64 => $this->text = $this->take(8),
            self::LENGTH => $this->text = $this->take($this->varint()),
            self::FIXED32 => $this->text = $this->take(4),
            default => throw new MalformedMessage('a field has an unknown type'),
        };
        return $field;
    }

    /** The value as a number: int32, int64, bool, enum. */
    public function integer(): int
    {
        return $this->integer;
    }

    /** The value as text, bytes or a message. */
    public function text(): string
    {
        return $this->text;
    }

    /** The value as a float or a double, by its length. */
    public function float(): float
    {
        return match (\strlen($this->text)) {
            4 => unpack('g', $this->text)[1],
            8 => unpack('e', $this->text)[1],
            default => throw new MalformedMessage('a number has another length'),
        };
    }

    /** The value as a google.protobuf.Timestamp. */
    public function time(): \DateTimeImmutable
    {
        [1 => $seconds, 2 => $nanos] = self::numbers($this->text) + [1 => 0, 2 => 0];
        $time = \DateTimeImmutable::createFromFormat('U u', sprintf('%d %06d', $seconds, intdiv($nanos, 1000)));
        return $time ?: throw new MalformedMessage('a time is out of range');
    }

    /**
     * The value as an entry of a map of texts.
     *
     * @return array<string, string>
     */
    public function entry(): array
    {
        $entry = [1 => '', 2 => ''];
        $fields = new self($this->text);
        while (($field = $fields->field()) !== 0) {
            $entry[$field] = $fields->text;
        }
        return [$entry[1] => $entry[2]];
    }

    /** @return array<int, int> */
    private static function numbers(string $message): array
    {
        $numbers = [];
        $fields = new self($message);
        while (($field = $fields->field()) !== 0) {
            $numbers[$field] = $fields->integer;
        }
        return $numbers;
    }

    private function varint(): int
    {
        $value = 0;
        for ($shift = 0; $shift < 70; $shift += 7) {
            if ($this->position >= $this->end) {
                throw new MalformedMessage('the message ends within a number');
            }
            $byte = \ord($this->bytes[$this->position++]);
            $value |= ($byte & 0x7F) << $shift;
            if ($byte < 0x80) {
                return $value;
            }
        }
        throw new MalformedMessage('a number has more than ten bytes');
    }

    private function take(int $length): string
    {
        if ($length < 0 || $length > $this->end - $this->position) {
            throw new MalformedMessage('the message ends within a field');
        }
        $taken = substr($this->bytes, $this->position, $length);
        $this->position += $length;
        return $taken;
    }
}
