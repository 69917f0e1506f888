<?php

declare(strict_types=1);

namespace Rowferry\Tests\Wire;

use Google\Protobuf\Any;
use Google\Protobuf\Timestamp;
use Google\Rpc;
use PHPUnit\Framework\TestCase;
use Rowferry\ExportResult;
use Rowferry\FidelityIssue;
use Rowferry\Format;
use Rowferry\Stage;
use Rowferry\TaskState;
use Rowferry\TaskStatus;
use Rowferry\V1;
use Rowferry\Wire\ErrorInfo;
use Rowferry\Wire\MalformedMessage;
use Rowferry\Wire\Responses;
use Rowferry\Wire\TaskMessages;

/**
 * What protoc's classes write, the client reads.
 */
final class ResponsesTest extends TestCase
{
    private const ROUNDS = 300;

    private RandomValues $random;

    protected function setUp(): void
    {
        $this->random = new RandomValues((int) getenv('ROWFERRY_SEED'));
    }

    public function testStatus(): void
    {
        for ($round = 0; $round < self::ROUNDS; $round++) {
            $ours = $this->status();
            self::assertEquals($ours, TaskMessages::status(self::theirStatus($ours)->serializeToString()));
        }
    }

    public function testPage(): void
    {
        for ($round = 0; $round < self::ROUNDS; $round++) {
            $tasks = $this->random->several(fn (): TaskStatus => $this->status());
            $token = $this->random->text();
            $theirs = new V1\ListTasksResponse([
                'tasks' => array_map(self::theirStatus(...), $tasks),
                'next_page_token' => $token,
            ]);
            $page = Responses::page($theirs->serializeToString());
            self::assertEquals([$tasks, $token], [$page->tasks, $page->nextPageToken]);
        }
    }

    public function testResult(): void
    {
        for ($round = 0; $round < self::ROUNDS; $round++) {
            $ours = $this->status()->result();
            $theirs = self::theirResult($ours)->serializeToString();
            // A result does not repeat the request's id.
            $expected = new ExportResult(...['requestId' => ''] + get_object_vars($ours));
            self::assertEquals($expected, TaskMessages::result($theirs));
            $response = new V1\ExportResponse(['result' => self::theirResult($ours)]);
            self::assertEquals($expected, Responses::export($response->serializeToString()));
        }
    }

    public function testCreatedAndAck(): void
    {
        for ($round = 0; $round < self::ROUNDS; $round++) {
            $state = $this->random->one(TaskState::cases());
            $values = ['task_id' => $this->random->text(), 'status' => V1\TaskState::value($state->value)];
            foreach (['next_sequence', 'max_message_bytes', 'rows_received'] as $name) {
                $values[$name] = $this->random->signed();
            }
            $response = new V1\ExportResponse(['task_created' => new V1\TaskCreated($values)]);
            $created = Responses::export($response->serializeToString());
            $found = [$created->nextSequence, $created->maxMessageBytes, $created->rowsReceived];
            self::assertSame([$values['task_id'], $state], [$created->taskId, $created->state]);
            self::assertSame(\array_slice(array_values($values), 2), $found);

            $numbers = [$this->random->signed(), $this->random->integer(), $this->random->integer()];
            $ack = new V1\BatchAck(array_combine(['batch_sequence', 'rows', 'bytes'], $numbers));
            $ours = Responses::export((new V1\ExportResponse(['ack' => $ack]))->serializeToString());
            self::assertSame($numbers, [$ours->sequence, $ours->rows, $ours->bytes]);
        }
    }

    public function testErrorInfoAmongOtherDetails(): void
    {
        for ($round = 0; $round < self::ROUNDS; $round++) {
            $context = $this->random->texts();
            $info = new Rpc\ErrorInfo(['reason' => 'SEQUENCE_GAP', 'domain' => 'rowferry', 'metadata' => $context]);
            $details = [
                self::detail('google.rpc.RetryInfo', ''),
                self::detail('google.rpc.ErrorInfo', $info->serializeToString()),
            ];
            $status = new Rpc\Status(['code' => 9, 'message' => $this->random->text(), 'details' => $details]);
            $ours = ErrorInfo::fromStatus($status->serializeToString());
            self::assertSame('SEQUENCE_GAP', $ours->reason);
            self::assertEquals($context, $ours->context);
        }
    }

    public function testFieldsOfANewerServiceAreSkipped(): void
    {
        // A varint, 8 bytes, a text and 4 bytes in fields 2000 to 2003.
        $unknown = "\x80\x7d\x05" . "\x89\x7d12345678" . "\x92\x7d\x02ab" . "\x9d\x7d1234";
        $status = $this->status();
        self::assertEquals($status, TaskMessages::status($unknown . self::theirStatus($status)->serializeToString()));
    }

    public function testWhatIsCutOrWrongIsMalformedOrShorterAndNothingElse(): void
    {
        for ($round = 0; $round < self::ROUNDS; $round++) {
            $bytes = self::theirStatus($this->status())->serializeToString();
            $bytes = substr($bytes, 0, mt_rand(0, \strlen($bytes)));
            if ($bytes !== '' && mt_rand(0, 1) === 0) {
                $bytes[mt_rand(0, \strlen($bytes) - 1)] = \chr(mt_rand(0, 255));
            }
            try {
                self::assertInstanceOf(TaskStatus::class, TaskMessages::status($bytes));
            } catch (MalformedMessage $error) {
                self::assertNotSame('', $error->getMessage());
            }
        }
    }

    private function status(): TaskStatus
    {
        $random = $this->random;
        return new TaskStatus(
            taskId: $random->text(),
            state: $random->one(TaskState::cases()),
            format: $random->one([null, ...Format::cases()]),
            filename: $random->text(),
            stage: $random->one(Stage::cases()),
            recordsProcessed: $random->integer(),
            rowsReceived: $random->integer(),
            expectedRows: $random->signed(),
            progressPercent: $random->shortFloat(),
            rowsPerSecond: $random->float(),
            secondsRemaining: $random->one([null, $random->integer() ?: 1]),
            attempt: $random->small(),
            nextSequence: $random->integer(),
            requestId: $random->text(),
            client: $random->text(),
            owner: $random->text(),
            url: $random->text(),
            fileSizeBytes: $random->integer(),
            sha256: $random->text(),
            fidelity: $random->several(fn (): FidelityIssue => new FidelityIssue(
                $random->text(),
                $random->integer(),
                $random->integer(),
                abs($random->small()) % 16384,
            )),
            errorCode: $random->text(),
            errorMessage: $random->text(),
            errorContext: $random->texts(),
            cancelReason: $random->text(),
            createdTime: $random->time(),
            startTime: $random->time(),
            completionTime: $random->time(),
            nextAttemptTime: $random->time(),
            linkExpires: $random->time(),
            fileExpires: $random->time(),
        );
    }

    private static function theirStatus(TaskStatus $ours): V1\TaskStatus
    {
        return new V1\TaskStatus(self::shared($ours->result()) + self::present([
            'format' => $ours->format === null ? 0 : V1\Format::value($ours->format->value),
            'filename' => $ours->filename,
            'records_processed' => $ours->recordsProcessed,
            'estimated_time_remaining' => $ours->secondsRemaining ?? -1,
            'stage' => V1\Stage::value($ours->stage->value),
            'expected_rows' => $ours->expectedRows,
            'attempt' => $ours->attempt,
            'request_id' => $ours->requestId,
            'client' => $ours->client,
            'created_time' => self::timestamp($ours->createdTime),
            'next_sequence' => $ours->nextSequence,
            'rows_per_second' => $ours->rowsPerSecond,
            'cancel_reason' => $ours->cancelReason,
            'owner' => $ours->owner,
        ]));
    }

    private static function theirResult(ExportResult $ours): V1\ExportResult
    {
        return new V1\ExportResult(self::shared($ours) + ['record_count' => $ours->recordCount]);
    }

    /** @return array<string, mixed> the fields that results and states have in common */
    private static function shared(ExportResult $ours): array
    {
        return self::present([
            'task_id' => $ours->taskId,
            'status' => V1\TaskState::value($ours->state->value),
            'oss_url' => $ours->url,
            'file_size_bytes' => $ours->fileSizeBytes,
            'progress_percent' => $ours->progressPercent,
            'checksum_sha256' => $ours->sha256,
            'error_message' => $ours->errorMessage,
            'error_code' => $ours->errorCode,
            'start_time' => self::timestamp($ours->startTime),
            'completion_time' => self::timestamp($ours->completionTime),
            'fidelity' => array_map(static fn (FidelityIssue $issue): V1\FidelityIssue => new V1\FidelityIssue([
                'kind' => $issue->kind,
                'cells' => $issue->cells,
                'first_row' => $issue->firstRow,
                'first_column' => $issue->firstColumn,
            ]), $ours->fidelity),
            'link_expires' => self::timestamp($ours->linkExpires),
            'next_attempt_time' => self::timestamp($ours->nextAttemptTime),
            'error_context' => $ours->errorContext,
            'rows_received' => $ours->rowsReceived,
            'file_expires' => self::timestamp($ours->fileExpires),
        ]);
    }

    /**
     * @param array<string, mixed> $fields
     * @return array<string, mixed>
     */
    private static function present(array $fields): array
    {
        return array_filter($fields, static fn (mixed $value): bool => $value !== null);
    }

    private static function timestamp(?\DateTimeInterface $time): ?Timestamp
    {
        return $time === null ? null : new Timestamp([
            'seconds' => $time->getTimestamp(),
            'nanos' => 1000 * (int) $time->format('u'),
        ]);
    }

    private static function detail(string $type, string $bytes): Any
    {
        return new Any(['type_url' => "type.googleapis.com/$type", 'value' => $bytes]);
    }
}
