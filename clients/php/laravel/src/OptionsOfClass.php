<?php

declare(strict_types=1);

namespace Rowferry\Laravel;

use InvalidArgumentException;
use Rowferry\ExportOptions;

/**
 * The options of an export class: title, first cell and CSV settings become what the service calls them.
 */
final class OptionsOfClass
{
    private const SHEET_NAME_CHARACTERS = 31;

    public function __construct(private readonly object $export, private readonly ExportClass $class)
    {
    }

    public function options(string $timezone): ExportOptions
    {
        $csv = $this->class->has('WithCustomCsvSettings') ? $this->export->getCsvSettings() : [];
        return new ExportOptions(
            csvDelimiter: (string) ($csv['delimiter'] ?? ''),
            csvEncoding: ($csv['use_bom'] ?? false) ? 'utf-8-bom' : (string) ($csv['output_encoding'] ?? ''),
            excelSheetName: $this->sheetName(),
            excelStartRow: $this->startRow(),
            preset: $this->preset($csv),
            timezone: $timezone,
        );
    }

    private function sheetName(): string
    {
        if (!$this->class->has('WithTitle')) {
            return '';
        }
        $name = str_replace(['*', ':', '/', '\\', '?', '[', ']'], '', $this->export->title());
        return mb_substr($name, 0, self::SHEET_NAME_CHARACTERS);
    }

    private function startRow(): int
    {
        if (!$this->class->has('WithCustomStartCell')) {
            return 0;
        }
        if (preg_match('/^A([1-9]\d*)$/D', $this->export->startCell(), $found) !== 1) {
            throw new InvalidArgumentException('A table begins in column A, not in ' . $this->export->startCell());
        }
        return (int) $found[1];
    }

    /** @param array<string, mixed> $csv */
    private function preset(array $csv): string
    {
        if (($csv['enclosure'] ?? '"') !== '"' || ($csv['include_separator_line'] ?? false)) {
            throw new InvalidArgumentException('CSV is written with quotes and without a "sep=" line');
        }
        if ($csv['excel_compatibility'] ?? false) {
            return 'excel';
        }
        return ($csv['line_ending'] ?? "\r\n") === "\n" ? 'unix' : '';
    }
}
