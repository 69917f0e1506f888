<?php

declare(strict_types=1);

namespace Rowferry\Tests;

use Rowferry\Column;
use Rowferry\DataType;

/**
 * The rows of bench/dataset.py, as a PHP program has them: integers and truth values are no texts.
 */
final class Dataset
{
    private const FAMILY_NAMES = ['王', '李', '张', '刘', '陈', '杨', '赵', '黄', '周', '佐藤'];
    private const GIVEN_NAMES = ['伟', '芳', '娜', '秀英', '敏', '静', '丽', '强', '磊', '花子'];
    private const CITIES = ['北京市朝阳区', '上海市', 'Zürich', '東京都港区', 'São Paulo', 'Kraków', 'Łódź'];
    private const STREETS = ['建国路', 'Long Street', 'Rua Augusta', '中山北路', 'Bahnhofstrasse'];
    private const WORDS = ['urgent', '请尽快发货', 'handle with care', 'gift wrap, please', '再確認', 'ok'];
    private const STATES = ['new', 'paid', 'shipped', 'returned', 'closed'];

    /** @return list<Column> */
    public static function columns(): array
    {
        return Column::listOf([
            'Order', 'Customer 客户', 'Address', 'Remark',
            'Quantity' => DataType::Number, 'Unit price' => DataType::Number, 'Amount' => DataType::Number,
            'Balance' => DataType::Number, 'Ordered on' => DataType::Date, 'Updated at' => DataType::Date,
            'Paid' => DataType::Boolean, 'Status',
        ]);
    }

    /** @return \Generator<int, list<bool|int|string|null>> rows 1 to `$count` */
    public static function rows(int $count): \Generator
    {
        for ($number = 1; $number <= $count; $number++) {
            yield self::row($number);
        }
    }

    /** @return list<bool|int|string|null> */
    public static function row(int $number): array
    {
        $mixed = $number * 2654435761 % 4294967296;
        $high = $mixed >> 16;
        $cents = $mixed % 99991;
        $amount = $mixed % 1000 * $cents;
        $thousandths = $mixed % 10000019;
        $sign = $number % 2 ? '-' : '';
        $day = sprintf('%d-%02d-%02d', 2000 + $high % 30, 1 + $high % 12, 1 + $high % 28);
        $break = $number % 50 ? ' ' : "\n";
        return [
            sprintf('SO-%010d', $number),
            self::FAMILY_NAMES[$high % 10] . self::GIVEN_NAMES[$mixed % 10] . ' Customer-' . $mixed % 100000,
            self::CITIES[$high % 7] . ', ' . self::STREETS[$mixed % 5] . ' ' . $high % 997 . ' 号, '
                . ($mixed % 90000 + 10000),
            $number % 16 === 0 ? null : 'Said "' . self::WORDS[$high % 6] . "\",{$break}ticket $mixed",
            $mixed % 1000,
            sprintf('%d.%02d', intdiv($cents, 100), $cents % 100),
            sprintf('%d.%02d', intdiv($amount, 100), $amount % 100),
            sprintf('%s%d.%03d', $sign, intdiv($thousandths, 1000) + 1, $thousandths % 1000),
            $day,
            sprintf('%s %02d:%02d:%02d', $day, 1 + $high % 23, $mixed % 60, $high % 60),
            $mixed % 3 !== 0,
            self::STATES[$high % 5],
        ];
    }
}
