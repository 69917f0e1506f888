"""Runs the double: ``python -m tests.doubles.oss --bucket exports``; prints its addresses."""

import json
import os
import signal
import sys
import tempfile
import threading
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path

from tests.doubles.oss.authentication import AccessKey, AccessKeys
from tests.doubles.oss.clock import Clock
from tests.doubles.oss.connection import OssConnection
from tests.doubles.oss.control import ControlConnection
from tests.doubles.oss.faults import FaultPlan
from tests.doubles.oss.hosts import Hosts
from tests.doubles.oss.journal import Journal
from tests.doubles.oss.listener import Listener
from tests.doubles.oss.service import OssService
from tests.doubles.oss.store import Bucket, Store


def main() -> None:
    """Serve until SIGTERM or SIGINT, or until standard input ends if that is asked for."""
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    options = _options()
    with tempfile.TemporaryDirectory(prefix="oss-double-", dir=options.folder) as folder:
        service = _service(options, Path(folder))
        oss = Listener(options.port, partial(OssConnection, service))
        control = Listener(options.control_port, partial(ControlConnection, service, oss))
        oss.open()
        control.open()
        addresses = {"oss": oss.address, "control": control.address}
        sys.stdout.write(f"{json.dumps(addresses)}\n")
        sys.stdout.flush()
        if options.stop_with_input:
            threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
        signal.sigwait(signals)
        control.close()
        oss.close()


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.doubles.oss", description=__doc__)
    option = parser.add_argument
    option("--port", type=int, default=0, help="of OSS; 0 = any")
    option("--control-port", type=int, default=0, help="of the tests; 0 = any")
    option("--region", default="cn-hangzhou")
    option("--bucket", action="append", default=[], metavar="NAME[:public-read]")
    option("--key", action="append", default=[], metavar="ID:SECRET", help="a lasting access key")
    option("--cname", action="append", default=[], metavar="HOST=BUCKET")
    option("--forbidden-host", action="append", default=[], help="answers PublicEndpointForbidden")
    option("--folder", type=Path, help="where the bodies' folder is made")
    option("--fast-etags", action="store_true", help="ETags are not MD5: less CPU a byte")
    option("--stop-with-input", action="store_true", help="end when standard input does")
    return parser.parse_args()


def _service(options: Namespace, folder: Path) -> OssService:
    clock = Clock()
    store = Store(folder, region=options.region, md5_etags=not options.fast_etags)
    for bucket in options.bucket:
        name, _, acl = bucket.partition(":")
        store.buckets[name] = Bucket(
            name=name, created_at=clock.now(), public_read=acl == "public-read"
        )
    return OssService(
        store=store,
        keys=AccessKeys(_key(text) for text in options.key),
        hosts=Hosts(
            cnames=dict(text.split("=", 1) for text in options.cname),
            forbidden=frozenset(options.forbidden_host),
        ),
        faults=FaultPlan(),
        journal=Journal(),
        clock=clock,
    )


def _key(text: str) -> AccessKey:
    access_key_id, _, secret = text.partition(":")
    return AccessKey(access_key_id=access_key_id, secret=secret)


def _stop_at_end_of_input() -> None:
    # Not by sys.stdin, whose lock would be held when the interpreter ends.
    while os.read(sys.stdin.fileno(), 1):
        pass
    signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    main()
