<?php

declare(strict_types=1);

// The rows that every measured PHP program writes, and how it reports what it took.

const COLUMNS = [
    'Order' => 'STRING',
    'Customer 客户' => 'STRING',
    'Address' => 'STRING',
    'Remark' => 'STRING',
    'Quantity' => 'NUMBER',
    'Unit price' => 'NUMBER',
    'Amount' => 'NUMBER',
    'Balance' => 'NUMBER',
    'Ordered on' => 'DATE',
    'Updated at' => 'DATE',
    'Paid' => 'BOOLEAN',
    'Status' => 'STRING',
];

/** How many rows are made before the clock starts; the others repeat them under numbers of their own. */
const DIFFERENT_ROWS = 1000;

/**
 * Rows as PDO gives them: integers and floats as such, dates and decimals as texts, nulls.
 *
 * @return Generator<int, list<mixed>>
 */
function rows(int $count): Generator
{
    $rows = array_map(row(...), range(1, DIFFERENT_ROWS));
    return (static function () use ($rows, $count): Generator {
        for ($number = 1; $number <= $count; $number++) {
            $row = $rows[$number % DIFFERENT_ROWS];
            $row[0] = "SO-$number";
            yield $row;
        }
    })();
}

/** @return list<mixed> like those of bench/dataset.py, not the same */
function row(int $number): array
{
    $mixed = $number * 2654435761 % 2 ** 32;
    $high = $mixed >> 16;
    $cents = $mixed % 99_991;
    $day = sprintf('%d-%02d-%02d', 2000 + $high % 26, 1 + $high % 12, 1 + $high % 28);
    return [
        '',
        ['王伟', '李芳', '张娜', '佐藤花子'][$high % 4] . ' Customer-' . $mixed % 100_000,
        ['北京市朝阳区', '上海市', 'Zürich', 'São Paulo'][$mixed % 4] . ', Long Street ' . $high % 997 . ' 号, ' . $mixed % 90_000,
        $number % 16 === 0 ? null : "Said \"请尽快发货, thank you\", ticket $mixed",
        $mixed % 1000,
        sprintf('%d.%02d', intdiv($cents, 100), $cents % 100),
        $mixed % 1000 * $cents / 100,
        ($number % 2 ? -1 : 1) * ($mixed % 10_000_019) / 1000,
        $day,
        sprintf('%s %02d:%02d:%02d', $day, $high % 24, $mixed % 60, $high % 60),
        $mixed % 3 !== 0,
        ['new', 'paid', 'shipped', 'returned', 'closed'][$high % 5],
    ];
}

/**
 * Runs a job over the rows and prints what it took.
 *
 * @param callable(Generator): array<string, mixed> $job gives what else there is to say
 */
function measure(int $count, callable $job): void
{
    $rows = rows($count);
    memory_reset_peak_usage();
    $spentBefore = cpuSeconds();
    $began = hrtime(true);
    $reported = $job($rows);
    $seconds = (hrtime(true) - $began) / 1e9;
    echo json_encode($reported + [
        'seconds' => $seconds,
        'php_cpu_seconds' => cpuSeconds() - $spentBefore,
        'php_memory_peak_bytes' => memory_get_peak_usage(),
        'php_peak_rss_bytes' => getrusage()['ru_maxrss'] * 1024,
    ]), "\n";
}

/** User and system time of this process so far. */
function cpuSeconds(): float
{
    $spent = getrusage();
    return $spent['ru_utime.tv_sec'] + $spent['ru_stime.tv_sec']
        + ($spent['ru_utime.tv_usec'] + $spent['ru_stime.tv_usec']) / 1e6;
}
