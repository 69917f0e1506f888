<?php

declare(strict_types=1);

namespace Rowferry\Tests\Unit;

use PHPUnit\Framework\TestCase;
use Rowferry\Deadline;
use Rowferry\Exception\DeadlineExceededException;
use Rowferry\Exception\Errors;
use Rowferry\Exception\RowferryException;
use Rowferry\Exception\UnreachableException;
use Rowferry\Resume\FirstContact;
use Rowferry\Resume\Retries;
use Rowferry\RetryPolicy;

final class PatienceTest extends TestCase
{
    public function testPausesGrowToTenSecondsAndAreFullJitter(): void
    {
        $longest = array_map(static fn (int $n) => RetryPolicy::pauseSeconds($n, 1.0), [1, 2, 3, 6, 7, 500]);
        self::assertSame([0.2, 0.4, 0.8, 6.4, 10.0, 10.0], $longest);
        self::assertSame(0.0, RetryPolicy::pauseSeconds(9, 0.0));
        self::assertSame(5.0, RetryPolicy::pauseSeconds(9, 0.5));
    }

    public function testTheServiceSaysWhenToComeAgain(): void
    {
        $retries = $this->retries(new RetryPolicy(retryForSeconds: 60), isHeard: true);
        $error = Errors::of('RATE_LIMITED', 'slowly', ['retry_after_seconds' => '7']);
        self::assertSame(7.0, $retries->pauseSeconds($error));
    }

    public function testAnAddressWhereNobodyEverAnsweredIsGivenUpSoon(): void
    {
        $refused = Errors::of(Errors::UNREACHABLE, 'refused', ['retry_after_seconds' => '11']);
        self::assertSame(11.0, $this->retries(new RetryPolicy(), isHeard: true)->pauseSeconds($refused));
        $this->expectExceptionObject($refused);
        $this->retries(new RetryPolicy())->pauseSeconds($refused);
    }

    public function testTheFirstTryCountsWhenNobodyEverAnswered(): void
    {
        $now = 0.0;
        $retries = $this->retries(new RetryPolicy(connectForSeconds: 3), now: static function () use (&$now): float {
            return $now;
        });
        $now = 2.0; // so long took the first try
        self::assertLessThanOrEqual(0.2, $retries->pauseSeconds(Errors::unreachable('refused')));
        $now = 3.0;
        $this->expectExceptionMessage('refused');
        $retries->pauseSeconds(Errors::unreachable('refused'));
    }

    public function testItIsTriedUntilTheTimeIsOverHoweverLongPausesAre(): void
    {
        $now = 0.0;
        $retries = $this->retries(new RetryPolicy(), now: static function () use (&$now): float {
            return $now;
        });
        try {
            while (true) {
                $now += $retries->pauseSeconds(Errors::unreachable('refused'));
            }
        } catch (UnreachableException) {
            self::assertEqualsWithDelta(10.0, $now, 1e-9);
        }
    }

    public function testARefusalIsAnAnswerForAllOfAClient(): void
    {
        $contact = new FirstContact();
        $busy = Errors::of('QUEUE_FULL', 'busy', ['retry_after_seconds' => '11']);
        self::assertSame(11.0, (new Retries(new RetryPolicy(), $contact))->pauseSeconds($busy));
        self::assertTrue($contact->isMade());
    }

    public function testWhatAnswersButGetsNowhereIsAskedMoreAndMoreRarelyForEver(): void
    {
        $now = 0.0;
        $retries = $this->retries(new RetryPolicy(), now: static function () use (&$now): float {
            return $now;
        });
        $longest = 0.0;
        for ($try = 0; $try < 200; $try++) {
            $retries->answered();
            $pause = $retries->pauseSeconds(Errors::unreachable('cut'));
            $longest = max($longest, $pause);
            $now += 5.0 + $pause;
        }
        self::assertGreaterThan(1.0, $longest);
    }

    public function testNoPatienceIsNoTry(): void
    {
        $this->expectException(RowferryException::class);
        $this->retries(new RetryPolicy(retryForSeconds: 0))->pauseSeconds(Errors::unreachable('cut'));
    }

    public function testPatienceBeginsWithAnOutageAndNotBeforeIt(): void
    {
        $now = 0.0;
        $policy = new RetryPolicy(retryForSeconds: 120);
        $retries = $this->retries($policy, isHeard: true, now: static function () use (&$now): float {
            return $now;
        });
        $error = Errors::unreachable('cut');
        foreach ([200.0, 400.0, 600.0] as $now) {
            // The connection stood for 200 s without a new row: a slow query, a long queue.
            self::assertLessThanOrEqual(0.2, $retries->pauseSeconds($error));
            $retries->connected();
        }
        $now = 601.0;
        $retries->pauseSeconds($error); // it broke at once: the same outage
        $now = 721.0;
        $this->expectExceptionObject($error);
        $retries->pauseSeconds($error);
    }

    public function testADeadlineInTheMiddleOfAPauseIsTheErrorItself(): void
    {
        $error = Errors::unreachable('cut');
        $this->expectExceptionObject($error);
        $this->retries(new RetryPolicy())->pause(5.0, $error, Deadline::after(1.0));
    }

    public function testWithoutProgressADeadlineEnds(): void
    {
        $deadline = Deadline::after(null, 0.0);
        $this->expectException(DeadlineExceededException::class);
        $deadline->check();
    }

    public function testADeadlineSaysHowLongToWait(): void
    {
        self::assertSame(3.0, Deadline::after(null)->remainingSeconds(3.0));
        self::assertLessThanOrEqual(2.0, Deadline::after(2.0)->remainingSeconds(3.0));
        self::assertSame(0.0, Deadline::after(0.0)->remainingSeconds(3.0));
        self::assertLessThanOrEqual(1.0, Deadline::after(9.0, 1.0)->remainingSeconds(3.0));
    }

    public function testWhoeverWaitsIsLookedAfter(): void
    {
        $checks = 0;
        $deadline = Deadline::after(null, null, static function () use (&$checks): void {
            $checks++;
        });
        $deadline->check();
        $deadline->check();
        self::assertSame(2, $checks);
    }

    private function retries(RetryPolicy $policy, bool $isHeard = false, ?\Closure $now = null): Retries
    {
        $contact = new FirstContact();
        if ($isHeard) {
            $contact->made();
        }
        return new Retries($policy, $contact, $now);
    }
}
