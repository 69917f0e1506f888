"""Figures in the middle of a page, between two marks that Markdown does not show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

END: Final = "<!-- end of figures -->\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFigures:
    """A page and the mark ahead of its figures, which says where they come from."""

    page: Path
    begin: str

    def put(self, figures: str) -> None:
        """Write the figures into the page, in the place of those that are there."""
        before, _, rest = self.page.read_text(encoding="utf-8").partition(self.begin)
        after = rest.partition(END)[2]
        self.page.write_text(f"{before}{self.begin}{figures}{END}{after}", encoding="utf-8")

    def has(self, figures: str) -> bool:
        """Tell whether these are the figures in the page."""
        return f"{self.begin}{figures}{END}" in self.page.read_text(encoding="utf-8")
