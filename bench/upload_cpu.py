"""``python -m bench.upload_cpu``: processor seconds a gigabyte, in the process that uploads.

A file goes to the OSS double in parts of 10 MiB, five at a time: by our adapter, by oss2 without
its checksums, and by oss2 with them, in turns. Writes ``bench/results/upload-cpu.json``; fails
when ours costs more than 0.8 s/GB (10^9 bytes).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from bench.figures import CHECKOUT, MIB
from bench.machine import provenance
from bench.upload_cpu_program import KEY, PARALLEL_PARTS, PART_BYTES, WAYS
from tests.doubles.oss.running import OssDouble, running_oss_double

PATH: Final = CHECKOUT / "bench/results/upload-cpu.json"
FULL_MIB: Final = 1024
REPEATS: Final = 3
MOST_CPU_SECONDS_PER_GB: Final = 0.8
_GB: Final = 1e9
_BLOCK: Final = bytes(range(256)) * 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFigure:
    """What a gigabyte costs one way; of its runs, the one of least processor time."""

    way: str
    cpu_seconds_per_gb: float
    seconds_per_gb: float


def main() -> int:
    """Measure, save, judge; return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.upload_cpu", description=__doc__)
    parser.add_argument("--mib", type=int, default=FULL_MIB, help="size of the file")
    size_bytes = parser.parse_args().mib * MIB
    figures = measure(size_bytes)
    document = {
        **provenance("bench.upload_cpu"),
        "file_bytes": size_bytes,
        "part_bytes": PART_BYTES,
        "parallel_parts": PARALLEL_PARTS,
        "crcmod_is_compiled": find_spec("crcmod._crcfunext") is not None,
        "most_cpu_seconds_per_gb": MOST_CPU_SECONDS_PER_GB,
        "figures": [asdict(figure) for figure in figures],
    }
    text = json.dumps(document, indent=1)
    print(text)  # noqa: T201
    if size_bytes == FULL_MIB * MIB:
        PATH.write_text(text + "\n", encoding="utf-8")
    ours = next(figure for figure in figures if figure.way == "ours")
    return 1 if ours.cpu_seconds_per_gb > MOST_CPU_SECONDS_PER_GB else 0


def measure(size_bytes: int) -> list[UploadFigure]:
    """Send a file of this size every way, in turns, so that noise meets all."""
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    with (
        # beside the results: a system's temporary folder may be in memory
        tempfile.TemporaryDirectory(dir=PATH.parent) as folder,
        running_oss_double(folder=Path(folder), arguments=("--fast-etags",)) as double,
    ):
        path = Path(folder, "measured.csv")
        _write(path, size_bytes)
        for _ in range(REPEATS):
            for way, measured in runs.items():
                measured.append(_run(way, double, path))
                _check(double, size_bytes)
    return [_figure(way, measured, size_bytes) for way, measured in runs.items()]


def _run(way: str, double: OssDouble, path: Path) -> dict[str, Any]:
    keys = (double.access_key_id, double.access_key_secret)
    place = (double.endpoint, double.region, double.bucket)
    completed = subprocess.run(
        [sys.executable, "-m", "bench.upload_cpu_program", way, *place, *keys, str(path)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        check=True,
    )
    measured: dict[str, Any] = json.loads(completed.stdout)
    return measured


def _check(double: OssDouble, size_bytes: int) -> None:
    """See that the object is there, and make room."""
    found = [(stored.key, stored.size_bytes) for stored in double.snapshot().objects]
    assert found == [(KEY, size_bytes)], found
    double.clear()


def _figure(way: str, runs: list[dict[str, Any]], size_bytes: int) -> UploadFigure:
    best = min(runs, key=lambda run: run["cpu_seconds"])
    return UploadFigure(
        way=way,
        cpu_seconds_per_gb=round(best["cpu_seconds"] / size_bytes * _GB, 3),
        seconds_per_gb=round(best["seconds"] / size_bytes * _GB, 3),
    )


def _write(path: Path, size_bytes: int) -> None:
    with path.open("wb") as file:
        for _ in range(size_bytes // len(_BLOCK)):
            file.write(_BLOCK)
        file.write(_BLOCK[: size_bytes % len(_BLOCK)])


if __name__ == "__main__":
    sys.exit(main())
