<?php

declare(strict_types=1);

namespace App\Command;

use Rowferry\DataType;
use Rowferry\Format;
use Rowferry\Progress;
use Rowferry\Rowferry;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Helper\ProgressBar;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

/**
 * `bin/console app:export-numbers`: an export of any length, with a bar; run it by cron or a worker.
 */
final class ExportNumbersCommand extends Command
{
    private const ROWS = 50_000;

    public function __construct(private readonly Rowferry $rowferry)
    {
        parent::__construct('app:export-numbers');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $bar = new ProgressBar($output, self::ROWS);
        $result = $this->rowferry->export(
            (static fn () => yield from array_chunk(range(1, self::ROWS), 1))(),
            columns: ['number' => DataType::Number],
            format: Format::Xlsx,
            filename: 'numbers',
            onProgress: static fn (Progress $progress) => $bar->setProgress($progress->rowsKept),
        );
        $bar->finish();
        $output->writeln("\n$result->url");
        return Command::SUCCESS;
    }
}
