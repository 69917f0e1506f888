<?php

declare(strict_types=1);

namespace App\Controller;

use Generator;
use Rowferry\DataType;
use Rowferry\Format;
use Rowferry\Rowferry;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\Routing\Annotation\Route;

/**
 * A download: the request waits for the file, then the browser is sent to it.
 */
final class ExportController
{
    public function __construct(private readonly Rowferry $rowferry)
    {
    }

    #[Route('/numbers/{count}', name: 'export_numbers')]
    public function numbers(int $count): RedirectResponse
    {
        $result = $this->rowferry->export(
            $this->rows($count),
            columns: ['number' => DataType::Number, 'text'],
            format: Format::Csv,
            filename: 'numbers.csv',
        );
        return new RedirectResponse($result->url);
    }

    /** With Doctrine: `$connection->iterateAssociative('SELECT ...')`. */
    private function rows(int $count): Generator
    {
        for ($number = 1; $number <= $count; $number++) {
            yield ['number' => $number, 'text' => "行 $number"];
        }
    }
}
