"""Export generated rows and print how many, and the peak of memory: FACADE ADDRESS ROWS."""

import os
import sys
from collections.abc import Iterator

import trio

from rowferry.client import Client, ExportResult, sync
from tests.e2e.process_figures import peak_resident_bytes


def rows(count: int) -> Iterator[tuple[int, str, float]]:
    """Give rows, none of which stays."""
    for number in range(count):
        yield number, f"Customer {number}", number / 4


def main(facade: str, address: str, count: int) -> None:
    """Export and tell."""
    columns = ["Id", "Name", "Amount"]
    if facade == "sync":
        with sync.Client(address) as client:
            result = client.export(rows(count), columns=columns)
    else:
        result = trio.run(_export, address, count, columns)
    peak_bytes = peak_resident_bytes(os.getpid())
    sys.stdout.write(f"{result.rows} {peak_bytes}\n")


async def _export(address: str, count: int, columns: list[str]) -> ExportResult:
    async with Client(address) as client:
        return await client.export(rows(count), columns=columns)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
