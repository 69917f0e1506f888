<?php

declare(strict_types=1);

namespace Rowferry\Laravel\Tests;

use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Event;
use Illuminate\Support\Facades\Schema;
use Illuminate\Support\Facades\Storage;
use Maatwebsite\Excel\Concerns\FromArray;
use Maatwebsite\Excel\Concerns\WithHeadings;
use Maatwebsite\Excel\Concerns\WithStyles;
use Rowferry\Exception\InvalidRowException;
use Rowferry\Laravel\Events\ExportStored;
use Rowferry\Laravel\Facades\Rowferry;
use Rowferry\Laravel\Tests\Fixtures\FailingExport;
use Rowferry\Laravel\Tests\Fixtures\QueuedExport;
use Rowferry\Laravel\Tests\Fixtures\UsersExport;
use Rowferry\TaskState;

/**
 * With the real service, at ROWFERRY_ADDRESS.
 */
final class ExportsTest extends LaravelTestCase
{
    private const FIRST_LINES = [
        '#,Name,Balance,Active,Joined',
        '1,用户 1,1.50,false,2026-03-01T08:00:00',
        '2,用户 2,2.50,true,2026-03-01T08:00:00',
        '3,用户 3,3.50,false,',
    ];

    public function testADownloadRedirectsToTheLink(): void
    {
        $this->application()->withUsers(1000);
        $response = Rowferry::download(new UsersExport(), 'users.csv', headers: ['X-Shop' => 'yes']);

        self::assertSame(302, $response->getStatusCode());
        self::assertSame('yes', $response->headers->get('X-Shop'));
        $this->assertHoldsUsers((string) file_get_contents($response->headers->get('Location')), 1000);
    }

    public function testADownloadMayPassThroughTheApplication(): void
    {
        $this->application(['downloads' => 'proxy'])->withUsers(1000);
        $response = (new UsersExport())->download('users.csv');

        self::assertSame(200, $response->getStatusCode());
        self::assertStringContainsString('users.csv', $response->headers->get('Content-Disposition'));
        ob_start();
        $response->sendContent();
        $text = (string) ob_get_clean();
        self::assertSame((string) strlen($text), $response->headers->get('Content-Length'));
        $this->assertHoldsUsers($text, 1000);
    }

    public function testAnXlsxFileHasTheSheetAndItsNumbers(): void
    {
        $this->application()->withUsers(10);
        Rowferry::store(new UsersExport(), 'lists/users.xlsx', 'local');

        $zip = new \ZipArchive();
        self::assertTrue($zip->open(Storage::disk('local')->path('lists/users.xlsx')));
        self::assertStringContainsString('name="Users all"', (string) $zip->getFromName('xl/workbook.xml'));
        self::assertStringContainsString('<v>2.50</v>', (string) $zip->getFromName('xl/worksheets/sheet1.xml'));
        $zip->close();
    }

    public function testWithoutADiskTheFileStaysWithTheService(): void
    {
        $this->application()->withUsers(10);
        $result = Rowferry::store(new UsersExport(), 'lists/users.csv');

        self::assertSame(TaskState::Completed, $result->state);
        self::assertSame([], Storage::disk('local')->allFiles());
        self::assertSame('users.csv', Rowferry::client()->status($result->taskId)->filename);
    }

    public function testOnADiskTheFileIsTheServices(): void
    {
        $this->application()->withUsers(1000);
        $result = Rowferry::store(new UsersExport(), 'lists/users.csv', 'local');

        $path = Storage::disk('local')->path('lists/users.csv');
        self::assertSame($result->sha256, hash_file('sha256', $path));
        $this->assertHoldsUsers((string) file_get_contents($path), 1000);
    }

    public function testAFileOnADiskIsReplacedAndHasTheVisibilityThatIsAskedFor(): void
    {
        $this->application()->withUsers(1);
        foreach (['private', ['visibility' => 'public']] as $options) {
            Rowferry::store(new UsersExport(), 'users.csv', 'local', diskOptions: $options);
            $expected = is_string($options) ? $options : $options['visibility'];
            self::assertSame($expected, Storage::disk('local')->getVisibility('users.csv'));
        }
    }

    public function testAQueuedExportRunsAtOnceOnTheSyncQueue(): void
    {
        $this->application()->withUsers(100);
        $stored = $this->storedExports();
        Rowferry::queue(new UsersExport(), 'users.csv');

        self::assertCount(1, $stored);
        $this->assertHoldsUsers((string) file_get_contents($stored[0]->result->url), 100);
    }

    public function testAWorkerRunsAnExportFromTheDatabase(): void
    {
        $application = $this->withQueueTables();
        $stored = $this->storedExports();
        Rowferry::queue(new UsersExport(), 'users.csv')->onConnection('database')->onQueue('exports');

        self::assertSame(1, DB::table('jobs')->count());
        self::assertCount(0, $stored);
        $application->artisan('queue:work database --queue=exports --once');

        self::assertSame(0, DB::table('jobs')->count());
        self::assertSame('users.csv', $stored[0]->filePath);
        $this->assertHoldsUsers((string) file_get_contents($stored[0]->result->url), 100);
    }

    public function testAFailedExportIsAFailedJobWithTheServicesCode(): void
    {
        $application = $this->withQueueTables();
        Rowferry::queue(new FailingExport(), 'users.csv')->onConnection('database');
        $application->artisan('queue:work database --once');

        self::assertInstanceOf(InvalidRowException::class, FailingExport::$failure);
        self::assertSame('2', FailingExport::$failure->context['row']);
        self::assertSame(1, DB::table('failed_jobs')->count());
    }

    public function testAnAttemptThatComesAgainIsAnExportOfItsOwn(): void
    {
        $application = $this->withQueueTables();
        Rowferry::queue(new FailingExport(tries: 2), 'users.csv')->onConnection('database');
        $application->artisan('queue:work database --once');
        self::assertSame(1, DB::table('jobs')->count());
        $first = FailingExport::$failure;

        FailingExport::$fails = false;
        $stored = $this->storedExports();
        $application->artisan('queue:work database --once');
        self::assertNull($first, 'failed() is for the last attempt');
        self::assertSame(2, $stored[0]->result->recordCount);
    }

    public function testAClassThatShouldBeQueuedIsQueuedByStore(): void
    {
        $this->application();
        $stored = $this->storedExports();
        $dispatch = Rowferry::store(new QueuedExport(), 'texts.csv');
        self::assertCount(0, $stored);
        unset($dispatch);
        self::assertCount(1, $stored);
    }

    public function testLooksAreLeftOutAndTheLogSaysSo(): void
    {
        $application = $this->application();
        $export = new class () implements FromArray, WithHeadings, WithStyles {
            public function array(): array
            {
                return [['x']];
            }

            public function headings(): array
            {
                return ['Text'];
            }

            public function styles($sheet)
            {
                return [];
            }
        };
        self::assertSame(1, Rowferry::store($export, 'texts.xlsx')->recordCount);
        $log = (string) file_get_contents("$application->folder/storage/logs/laravel.log");
        self::assertStringContainsString('WithStyles', $log);
    }

    public function testOtherKindsOfFilesAreRefusedBeforeAnythingIsRead(): void
    {
        $this->application();
        $this->expectExceptionMessage('.xlsx and .csv');
        Rowferry::queue(new UsersExport(), 'users.pdf');
    }

    public function testTheConfigurationIsPublished(): void
    {
        $application = $this->application();
        unlink("$application->folder/config/rowferry.php");
        $application->artisan('vendor:publish --tag=rowferry-config');
        self::assertFileEquals(__DIR__ . '/../config/rowferry.php', "$application->folder/config/rowferry.php");
    }

    private function withQueueTables(): Application
    {
        $application = $this->application()->withUsers(100);
        Schema::create('jobs', static function (Blueprint $table): void {
            $table->id();
            $table->string('queue');
            $table->longText('payload');
            $table->unsignedTinyInteger('attempts');
            $table->unsignedInteger('reserved_at')->nullable();
            $table->unsignedInteger('available_at');
            $table->unsignedInteger('created_at');
        });
        Schema::create('failed_jobs', static function (Blueprint $table): void {
            $table->id();
            foreach (['connection', 'queue', 'payload', 'exception', 'failed_at'] as $column) {
                $table->text($column);
            }
        });
        FailingExport::$failure = null;
        FailingExport::$fails = true;
        return $application;
    }

    /** @return \ArrayObject<int, ExportStored> filled as exports are stored */
    private function storedExports(): \ArrayObject
    {
        $stored = new \ArrayObject();
        Event::listen(ExportStored::class, static fn (ExportStored $event) => $stored->append($event));
        return $stored;
    }

    private function assertHoldsUsers(string $csv, int $users): void
    {
        $lines = explode("\r\n", $csv);
        self::assertSame(self::FIRST_LINES, array_slice($lines, 0, 4));
        self::assertCount(1 + $users + 1, $lines);
    }
}
