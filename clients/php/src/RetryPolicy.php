<?php

declare(strict_types=1);

namespace Rowferry;

/**
 * How patient a client is.
 */
final class RetryPolicy
{
    public const FIRST_PAUSE_SECONDS = 0.2;
    public const LONGEST_PAUSE_SECONDS = 10.0;

    /**
     * @param float $retryForSeconds how long it is tried again while nothing gets on; 0 = never
     * @param float $silenceSeconds after so long without a byte the service is asked whether it is there; a
     *     connection to a service that does not answer is made anew
     * @param float $callSeconds for a single call such as `status`, its further tries included
     * @param float $lookSeconds how often the task's state is asked for behind the last row, for `onProgress`; without
     *     a callback it is asked for after `$silenceSeconds` only
     * @param float $connectForSeconds how long it is tried again while nobody has ever answered at the address, which
     *     may be wrong; also how long making a connection may take
     */
    public function __construct(
        public readonly float $retryForSeconds = 120.0,
        public readonly float $silenceSeconds = 30.0,
        public readonly float $callSeconds = 30.0,
        public readonly float $lookSeconds = 1.0,
        public readonly float $connectForSeconds = 10.0,
    ) {
    }

    /**
     * Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
     *
     * @param int $failures in a row, from 1
     * @param float $random from 0 to 1
     */
    public static function pauseSeconds(int $failures, float $random): float
    {
        $most = self::FIRST_PAUSE_SECONDS * 2 ** min($failures - 1, 30);
        return $random * min(self::LONGEST_PAUSE_SECONDS, $most);
    }
}
