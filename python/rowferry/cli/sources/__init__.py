"""What `rowferry export` reads: files of rows, cut into batches as they are read."""

from rowferry.cli.sources.form import InputForm, InputOptions, form_of
from rowferry.cli.sources.input_file import InputFile, open_input
from rowferry.cli.sources.opened import Source, open_source

__all__ = [
    "InputFile",
    "InputForm",
    "InputOptions",
    "Source",
    "form_of",
    "open_input",
    "open_source",
]
