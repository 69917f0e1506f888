<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Tests;

use Illuminate\Support\Collection;
use Maatwebsite\Excel\Concerns\FromArray;
use Maatwebsite\Excel\Concerns\FromCollection;
use Maatwebsite\Excel\Concerns\FromGenerator;
use Maatwebsite\Excel\Concerns\FromQuery;
use Maatwebsite\Excel\Concerns\FromView;
use Maatwebsite\Excel\Concerns\WithColumnFormatting;
use Maatwebsite\Excel\Concerns\WithColumnWidths;
use Maatwebsite\Excel\Concerns\WithCustomCsvSettings;
use Maatwebsite\Excel\Concerns\WithCustomStartCell;
use Maatwebsite\Excel\Concerns\WithHeadings;
use Maatwebsite\Excel\Concerns\WithMapping;
use Maatwebsite\Excel\Concerns\WithTitle;
use Rowferry\Column;
use Rowferry\DataType;
use Rowferry\ExportOptions;
use Rowferry\Laravel\Tests\Fixtures\User;
use Rowferry\Laravel\Tests\Fixtures\UsersExport;
use Rowferry\Laravel\WithColumns;
use Rowferry\Laravel\WithExportOptions;

final class ExportClassTest extends LaravelTestCase
{
    public function testAClassIsHeadingsTypesAndMappedRows(): void
    {
        $this->application()->withUsers(3);
        $table = self::table(new UsersExport());

        self::assertEquals([
            new Column('#', DataType::Number),
            new Column('Name'),
            new Column('Balance', DataType::Number, '0.00'),
            new Column('Active', DataType::Boolean),
            new Column('Joined', DataType::Date),
        ], $table->columns);
        self::assertEquals(new ExportOptions(excelSheetName: 'Users all', timezone: 'Europe/Berlin'), $table->options);
        $rows = iterator_to_array($table->rows);
        self::assertSame([2, '用户 2', '2.50', true], array_slice($rows[1], 0, 4));
        self::assertSame('2026-03-01T08:00:00+01:00', $rows[1][4]->format(DATE_ATOM));
        self::assertNull($rows[2][4]);
    }

    public function testModelsWithoutMappingAreTheirAttributes(): void
    {
        $this->application()->withUsers(2);
        $export = new class () implements FromCollection {
            public function collection()
            {
                return User::all(['id', 'name']);
            }
        };
        $table = self::table($export);
        self::assertSame(['id', 'name'], array_column($table->columns, 'name'));
        self::assertSame([[1, '用户 1'], [2, '用户 2']], iterator_to_array($table->rows));
    }

    public function testOneRowMayBecomeNoneOrSeveral(): void
    {
        $table = self::table(new class () implements FromArray, WithHeadings, WithMapping {
            public function array(): array
            {
                return [1, 2, 3];
            }

            public function headings(): array
            {
                return ['Number', 'Copy'];
            }

            public function map($row): array
            {
                return $row === 1 ? [] : array_fill(0, $row - 1, [$row, 'x']);
            }
        });
        self::assertSame([[2, 'x'], [3, 'x'], [3, 'x']], iterator_to_array($table->rows));
    }

    public function testPrepareRowsSeesChunksOfAQueryAsCollectionsOfModels(): void
    {
        $this->application()->withUsers(250);
        $export = new class () implements FromQuery {
            /** @var list<string> */
            public array $seen = [];

            public function query()
            {
                return User::query();
            }

            public function prepareRows($rows)
            {
                $this->seen[] = get_class($rows) . ' ' . count($rows);
                return $rows->each(static fn (User $user) => $user->name = 'prepared');
            }
        };
        $rows = iterator_to_array(self::table($export)->rows);
        self::assertCount(250, $rows);
        self::assertSame('prepared', $rows[249][1]);
        $chunk = \Illuminate\Database\Eloquent\Collection::class;
        self::assertSame(["$chunk 100", "$chunk 100", "$chunk 50"], $export->seen);
    }

    public function testPrepareRowsSeesRowsOfAGeneratorAsALazyCollection(): void
    {
        $table = self::table(new class () implements FromGenerator, WithHeadings {
            public function generator(): \Generator
            {
                yield [1];
                yield [2];
            }

            public function headings(): array
            {
                return ['n'];
            }

            public function prepareRows($rows)
            {
                return $rows->map(static fn (array $row) => [$row[0] * 10]);
            }
        });
        self::assertSame([[10], [20]], iterator_to_array($table->rows));
    }

    public function testOnlyTheFirstRowsAreReadBeforeTheExport(): void
    {
        $export = new class () implements FromGenerator, WithHeadings {
            public int $drawn = 0;

            public function generator(): \Generator
            {
                while (true) {
                    yield [++$this->drawn];
                }
            }

            public function headings(): array
            {
                return ['n'];
            }
        };
        $rows = self::table($export)->rows;
        self::assertLessThan(300, $export->drawn);
        foreach ($rows as $number => $row) {
            self::assertSame([$number + 1], $row);
            if ($number === 1000) {
                break;
            }
        }
    }

    /**
     * @dataProvider columnsOfValues
     * @param list<mixed> $values
     */
    public function testTypesAreTheOnesThatAllValuesShare(array $values, DataType $type): void
    {
        $export = new class ($values) implements FromCollection {
            /** @param list<mixed> $values */
            public function __construct(private array $values)
            {
            }

            public function collection()
            {
                return new Collection(array_map(static fn ($value) => ['column' => $value], $this->values));
            }
        };
        self::assertSame($type, self::table($export)->columns[0]->type);
    }

    /** @return iterable<string, array{list<mixed>, DataType}> */
    public function columnsOfValues(): iterable
    {
        yield 'integers and floats' => [[1, null, 2.5], DataType::Number];
        yield 'decimals of a database' => [['1.50', '-20.00'], DataType::Number];
        yield 'postcodes' => [['10115', '01067'], DataType::String];
        yield 'a number and a text' => [[1, 'x', 1], DataType::String];
        yield 'truth' => [[true, false], DataType::Boolean];
        yield 'moments' => [[new \DateTime(), null], DataType::Date];
        yield 'nothing' => [[null, null], DataType::String];
    }

    public function testFormatsWidthsFirstCellAndCsvSettingsAreTaken(): void
    {
        $table = self::table(new class () implements
            FromArray,
            WithHeadings,
            WithColumnFormatting,
            WithColumnWidths,
            WithCustomStartCell,
            WithCustomCsvSettings,
            WithTitle
        {
            public function array(): array
            {
                return [['1', '2', 3]];
            }

            public function headings(): array
            {
                return [['Price', 'Code', 'Plain']];
            }

            public function columnFormats(): array
            {
                return ['A' => '#,##0.00', 'B' => '@', 'C' => 'General'];
            }

            public function columnWidths(): array
            {
                return ['B' => 55];
            }

            public function startCell(): string
            {
                return 'A3';
            }

            public function getCsvSettings(): array
            {
                return ['delimiter' => ';', 'use_bom' => true, 'line_ending' => "\n"];
            }

            public function title(): string
            {
                return str_repeat('a[b]', 20);
            }
        });
        self::assertEquals([
            new Column('Price', DataType::Number, '#,##0.00'),
            new Column('Code', width: 55),
            new Column('Plain', DataType::Number),
        ], $table->columns);
        self::assertEquals(new ExportOptions(
            csvDelimiter: ';',
            csvEncoding: 'utf-8-bom',
            excelSheetName: str_repeat('ab', 15) . 'a',
            excelStartRow: 3,
            preset: 'unix',
            timezone: 'Europe/Berlin',
        ), $table->options);
    }

    public function testAClassMaySayItsColumnsAndOptionsItself(): void
    {
        $table = self::table(new class () implements FromArray, WithColumns, WithExportOptions {
            public function array(): array
            {
                return [['1']];
            }

            public function columns(): iterable
            {
                return ['Paid' => DataType::Number];
            }

            public function exportOptions(): ExportOptions
            {
                return new ExportOptions(preset: 'excel-eu');
            }
        });
        self::assertEquals([new Column('Paid', DataType::Number)], $table->columns);
        self::assertEquals(new ExportOptions(preset: 'excel-eu'), $table->options);
    }

    /** @dataProvider refused */
    public function testWhatWouldGiveAnotherFileIsRefused(object $export, string $message): void
    {
        $this->expectException(\InvalidArgumentException::class);
        $this->expectExceptionMessage($message);
        self::table($export);
    }

    /** @return iterable<string, array{object, string}> */
    public function refused(): iterable
    {
        yield 'a view' => [new class () implements FromView {
            public function view()
            {
            }
        }, 'FromView'];
        yield 'rows without names' => [new class () implements FromArray {
            public function array(): array
            {
                return [[1, 2]];
            }
        }, 'WithHeadings'];
        yield 'two rows of headings' => [new class () implements FromArray, WithHeadings {
            public function array(): array
            {
                return [];
            }

            public function headings(): array
            {
                return [['a'], ['b']];
            }
        }, 'several rows'];
        yield 'a table in the middle' => [new class () implements FromArray, WithHeadings, WithCustomStartCell {
            public function array(): array
            {
                return [];
            }

            public function headings(): array
            {
                return ['a'];
            }

            public function startCell(): string
            {
                return 'B2';
            }
        }, 'column A'];
    }
}
