"""The package: a plain ZIP file, with every part declared, related and well-formed."""

import posixpath
import subprocess
import zipfile
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from tests.readers import toolchains
from tests.readers.conftest import Library
from tests.readers.nasty_files import NastyFile, all_files
from tests.readers.printed_lines import printed_lines
from tests.readers.readers import java
from tests.readers.toolchains import needs
from tests.readers.zip_layout import read_parts

pytestmark = [pytest.mark.readers, pytest.mark.timeout(600)]

FILES: Final = all_files()
CONTENT_TYPES: Final = "[Content_Types].xml"
TYPES: Final = "{http://schemas.openxmlformats.org/package/2006/content-types}"
RELATIONSHIPS: Final = "{http://schemas.openxmlformats.org/package/2006/relationships}"
DEFLATED: Final = 8
VERSION_WITHOUT_ZIP64: Final = 20
MAX_PLAIN_BYTES: Final = 0xFFFF_FFFE

every_file = pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])


@every_file
def test_headers_tell_sizes_and_know_no_zip64(file: NastyFile, library: Library) -> None:
    content = library.path(file.name).read_bytes()
    parts, _ = read_parts(content)
    assert [part.local for part in parts] == [part.central for part in parts]
    for part in parts:
        header = part.central
        assert (header.version_needed, header.flags) == (VERSION_WITHOUT_ZIP64, 0), header.name
        assert header.method == DEFLATED
        assert max(header.bytes, header.compressed_bytes) <= MAX_PLAIN_BYTES


@every_file
def test_parts_follow_one_another_without_a_gap(file: NastyFile, library: Library) -> None:
    parts, directory = read_parts(library.path(file.name).read_bytes())
    parts.sort(key=lambda part: part.start)
    assert [part.start for part in parts] == [0, *(part.end for part in parts)][:-1]
    assert parts[-1].end == directory


@every_file
def test_every_checksum_holds(file: NastyFile, library: Library) -> None:
    with zipfile.ZipFile(library.path(file.name)) as package:
        assert package.testzip() is None


@every_file
def test_every_part_has_a_content_type(file: NastyFile, library: Library) -> None:
    with zipfile.ZipFile(library.path(file.name)) as package:
        names = set(package.namelist()) - {CONTENT_TYPES}
        types = ET.fromstring(package.read(CONTENT_TYPES))  # noqa: S314 - our own
    declared = {part.get("PartName", "").lstrip("/") for part in types.iter(f"{TYPES}Override")}
    assert declared <= names
    # `application/xml` by default is no type a spreadsheet knows: only relationships may have it.
    assert {name for name in names - declared if not name.endswith(".rels")} == set()
    assert "rels" in {default.get("Extension") for default in types.iter(f"{TYPES}Default")}


@every_file
def test_every_relationship_has_its_target_and_every_part_a_relationship(
    file: NastyFile, library: Library
) -> None:
    with zipfile.ZipFile(library.path(file.name)) as package:
        names = set(package.namelist())
        targets = {target for name in names for target in _targets(package, name)}
    assert targets == {name for name in names - {CONTENT_TYPES} if not name.endswith(".rels")}


def _targets(package: zipfile.ZipFile, name: str) -> list[str]:
    """Give the parts that a part of relationships leads to."""
    if not name.endswith(".rels"):
        return []
    relationships = ET.fromstring(package.read(name)).iter(  # noqa: S314 - our own
        f"{RELATIONSHIPS}Relationship"
    )
    folder = posixpath.dirname(posixpath.dirname(name))
    targets = [relationship.get("Target", "") for relationship in relationships]
    return [posixpath.normpath(posixpath.join(folder, target)) for target in targets]


def test_files_are_known_as_spreadsheets_by_their_first_bytes(library: Library) -> None:
    with needs("file"):
        program = toolchains.find("file")
    paths = [library.path(file.name) for file in FILES]
    told = _output(program, "--brief", *map(str, paths)).splitlines()
    assert told == ["Microsoft Excel 2007+"] * len(paths)


@every_file
def test_every_part_is_well_formed(file: NastyFile, library: Library, tmp_path: Path) -> None:
    with needs("xmllint"):
        program = toolchains.find("xmllint")
    with zipfile.ZipFile(library.path(file.name)) as package:
        package.extractall(tmp_path)
        parts = [str(tmp_path / name) for name in package.namelist()]
    # A text of 32,767 characters is short, a sheet without line ends is one long line.
    assert _output(program, "--noout", "--nonet", "--huge", *parts) == ""


def _output(*command: str) -> str:
    completed = subprocess.run(
        command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return completed.stdout


def test_javas_zip_stream_reads_every_part(library: Library, tmp_path: Path) -> None:
    with needs("java"):
        command = java("ZipStream")()
    paths = [library.path(file.name) for file in FILES]
    subprocess.run([*command, str(tmp_path), *map(str, paths)], check=True)
    for path in paths:
        with zipfile.ZipFile(path) as package:
            expected = {part.filename: part.file_size for part in package.infolist()}
        assert dict(printed_lines(tmp_path, path)) == expected
