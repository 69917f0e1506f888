<?php

declare(strict_types=1);

// A streaming XLSX writer of the kind that PHP's libraries are: an object a row and a cell, the XML of a row
// joined from texts and appended to a temporary file, ZipArchive at the end. It has no styles, comments,
// merged cells or options, which cost the libraries most of their time: it is the fastest of its kind, and
// no library. Texts are inline strings, escaped; dates stay texts.

abstract class Cell
{
    abstract public function xml(string $reference): string;

    public static function of(mixed $value): self
    {
        return match (true) {
            $value === null, $value === '' => new EmptyCell(),
            is_bool($value) => new BooleanCell($value),
            is_int($value), is_float($value) => new NumericCell($value),
            default => new StringCell((string) $value),
        };
    }
}

final class EmptyCell extends Cell
{
    public function xml(string $reference): string
    {
        return '';
    }
}

final class BooleanCell extends Cell
{
    public function __construct(private readonly bool $value)
    {
    }

    public function xml(string $reference): string
    {
        return "<c r=\"$reference\" t=\"b\"><v>" . (int) $this->value . '</v></c>';
    }
}

final class NumericCell extends Cell
{
    public function __construct(private readonly int|float $value)
    {
    }

    public function xml(string $reference): string
    {
        return "<c r=\"$reference\"><v>$this->value</v></c>";
    }
}

final class StringCell extends Cell
{
    private const MAX_CHARACTERS = 32_767;

    public function __construct(private readonly string $value)
    {
    }

    public function xml(string $reference): string
    {
        if (mb_strlen($this->value, 'UTF-8') > self::MAX_CHARACTERS) {
            throw new LengthException('A cell holds 32,767 characters');
        }
        $text = preg_replace_callback(
            '/[\x00-\x08\x0B\x0C\x0E-\x1F]/',
            static fn (array $found) => sprintf('_x%04X_', ord($found[0])),
            htmlspecialchars($this->value, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8'),
        );
        return "<c r=\"$reference\" t=\"inlineStr\"><is><t xml:space=\"preserve\">$text</t></is></c>";
    }
}

final class Row
{
    /** @param list<Cell> $cells */
    private function __construct(public readonly array $cells)
    {
    }

    /** @param list<mixed> $values */
    public static function fromValues(array $values): self
    {
        return new self(array_map(Cell::of(...), $values));
    }
}

final class StreamingXlsxWriter
{
    private const PARTS = [
        '[Content_Types].xml' => '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            . '<Default Extension="xml" ContentType="application/xml"/>'
            . '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            . '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
            . '<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
            . '</Types>',
        '_rels/.rels' => '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            . '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>'
            . '</Relationships>',
        'xl/workbook.xml' => '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
            . ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
            . '<sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
        'xl/_rels/workbook.xml.rels' => '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            . '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
            . '</Relationships>',
    ];

    /** @var resource */
    private $sheet;

    private readonly string $sheetPath;

    private int $rowNumber = 0;

    public function __construct(private readonly string $path)
    {
        $this->sheetPath = "$path.sheet1.xml";
        $this->sheet = fopen($this->sheetPath, 'wb');
        fwrite($this->sheet, '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>');
    }

    public function addRow(Row $row): void
    {
        $number = ++$this->rowNumber;
        $xml = "<row r=\"$number\">";
        foreach ($row->cells as $index => $cell) {
            $xml .= $cell->xml(self::letters($index) . $number);
        }
        fwrite($this->sheet, "$xml</row>");
    }

    public function close(): void
    {
        fwrite($this->sheet, '</sheetData></worksheet>');
        fclose($this->sheet);
        $zip = new ZipArchive();
        $zip->open($this->path, ZipArchive::CREATE | ZipArchive::OVERWRITE);
        foreach (self::PARTS as $name => $xml) {
            $zip->addFromString($name, '<?xml version="1.0" encoding="UTF-8"?>' . $xml);
        }
        $zip->addFile($this->sheetPath, 'xl/worksheets/sheet1.xml');
        $zip->close();
        unlink($this->sheetPath);
    }

    private static function letters(int $index): string
    {
        static $letters = [];
        return $letters[$index] ??= ($index < 26 ? '' : self::letters(intdiv($index, 26) - 1)) . chr(65 + $index % 26);
    }
}
