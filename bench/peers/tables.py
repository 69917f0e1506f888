"""The figures as Markdown."""

from collections.abc import Iterable, Iterator
from typing import Final

from bench.figures import CHECKOUT, MIB
from bench.peers.results import Figure, Results
from bench.peers.targets import TARGETS, cpu, ratio, size, wall
from bench.shapes import SHAPES, Shape

MARKDOWN_PATH: Final = CHECKOUT / "bench/results/peers.md"
FORMATS: Final = ("XLSX", "CSV")
_HEAD: Final = (
    *("writer", "rows", "CPU s", "of it decoding", "wall s", "ms after the last row"),
    *("peak MiB", "bytes a row", "CPU", "CPU, writing only", "wall", "size"),
)


def markdown(results: Results) -> str:
    """Give the whole page: where and of what, the targets, a table a shape and format."""
    return "\n".join([*_introduction(results), *_targets(results), *_shapes(results)])


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Give the lines of a table; all columns but the first are numbers."""
    titles = list(head)
    yield f"| {' | '.join(titles)} |"
    yield f"|---|{'---:|' * (len(titles) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def times(value: float | None) -> str:
    """Write a ratio; nothing for None."""
    if value is None:
        return ""
    return f"{value:.1f}x" if value >= 10 else f"{value:.2f}x"  # noqa: PLR2004 - three digits


def _introduction(results: Results) -> Iterator[str]:
    about = results.provenance
    machine, tools = about["machine"], about["tools"]
    yield "# The core beside other writers"
    yield ""
    yield (
        f"`{about['command']}` at {about['commit'][:12]}, {about['date']}: {machine['cores']} x "
        f"{machine['processor']}, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"Linux {machine['kernel']}."
    )
    yield f"{', '.join(f'{name}: {version}' for name, version in tools.items())}."
    yield f"{', '.join(f'{name} {version}' for name, version in about['packages'].items())}."
    yield ""
    yield (
        "The four ratios on the right say how many times ours a writer's figure is, by row. "
        'Decoding the batches counts everywhere but under "writing only", where our own stays '
        "counted. [bench/README.md](../README.md) says what is measured."
    )
    yield ""


def _targets(results: Results) -> Iterator[str]:
    measured = [(target, target.measured(results)) for target in TARGETS]
    rows = [
        (target.what, target.bound, f"{value:.2f}{target.unit}", _verdict(target.is_met(value)))
        for target, value in measured
        if value is not None
    ]
    if rows:
        yield from ("## Targets", "")
        yield from table(("what", "target", "measured", ""), rows)
        yield ""


def _verdict(is_met: bool) -> str:  # noqa: FBT001 - it is all there is to say
    return "met" if is_met else "**missed**"


def _shapes(results: Results) -> Iterator[str]:
    for shape in SHAPES:
        for file_format in FORMATS:
            figures = results.of(shape.name, file_format)
            if figures:
                yield from (f"## {_title(shape, file_format)}", "")
                yield from table(_HEAD, (_cells(results, figure) for figure in figures))
                yield ""


def _title(shape: Shape, file_format: str) -> str:
    return f"{file_format}, {shape.name}: {shape.about}"


def _cells(results: Results, figure: Figure) -> Iterator[str]:
    yield figure.writer
    yield f"{figure.rows:,}"
    yield f"{figure.cpu_seconds:.3f}"
    yield f"{figure.decode_cpu_seconds:.3f}" if figure.decode_cpu_seconds else ""
    yield f"{figure.seconds:.3f}"
    yield f"{figure.after_last_row_seconds * 1e3:,.1f}"
    yield f"{figure.peak_rss_bytes / MIB:,.0f}"
    yield f"{figure.file_bytes_a_row:,.1f}" if figure.file_bytes else ""
    key = (figure.shape, figure.file_format, figure.writer)
    yield times(ratio(results, *key, cpu))
    yield times(_writing_only(results, figure))
    yield times(ratio(results, *key, wall))
    yield times(ratio(results, *key, size)) if figure.file_bytes else ""


def _writing_only(results: Results, figure: Figure) -> float | None:
    ours = results.get(figure.shape, figure.file_format)
    return figure.writing_cpu_microseconds / ours.cpu_microseconds if ours else None
