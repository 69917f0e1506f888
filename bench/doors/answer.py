"""What every door has in common: the method, its answer, the address."""

from typing import Final

from bench.stopwatch import report
from rowferry.v1 import export_pb2 as pb

HOST: Final = "127.0.0.1"
PATH: Final = "/rowferry.v1.ExportService/Export"
LARGEST_MESSAGE_BYTES: Final = 16 << 20  # as the service's


def answer(received_bytes: int) -> pb.ExportResponse:
    """Answer the bytes that came; the client prints them as the file's size."""
    result = pb.ExportResult(status=pb.COMPLETED, file_size_bytes=received_bytes)
    return pb.ExportResponse(result=result)


def say_ready(port: int) -> None:
    """Print where the server listens."""
    report(address=f"{HOST}:{port}")
