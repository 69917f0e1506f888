<?php

declare(strict_types=1);

namespace Rowferry\Transport\Http;

/**
 * Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html, of which one kind is taken.
 */
final class EventStream
{
    private string $buffer = '';
    private string $type = '';
    /** @var list<string> lines of the event that has not ended */
    private array $data = [];

    public function __construct(private readonly string $wantedType)
    {
    }

    /** Bytes that are held: of an event that has not ended. */
    public function heldBytes(): int
    {
        return \strlen($this->buffer) + array_sum(array_map(\strlen(...), $this->data));
    }

    /**
     * Takes a piece of the stream, cut anywhere.
     *
     * @return list<string> the data of the events that ended with it
     */
    public function take(string $piece): array
    {
        $lines = explode("\n", $this->buffer . $piece);
        $this->buffer = (string) array_pop($lines);
        $events = [];
        foreach ($lines as $line) {
            $line = rtrim($line, "\r");
            if ($line !== '') {
                $this->field($line);
            } elseif (($event = $this->event()) !== null) {
                $events[] = $event;
            }
        }
        return $events;
    }

    private function field(string $line): void
    {
        [$name, $value] = explode(':', $line, 2) + [1 => ''];
        $value = str_starts_with($value, ' ') ? substr($value, 1) : $value;
        match ($name) {
            'event' => $this->type = $value,
            'data' => $this->data[] = $value,
            default => null, // comments, ids, what a browser would do behind the end
        };
    }

    private function event(): ?string
    {
        $event = $this->type === $this->wantedType && $this->data !== [] ? implode("\n", $this->data) : null;
        $this->type = '';
        $this->data = [];
        return $event;
    }
}
