"""Where settings come from: one file and the environment, checked against the groups' types.

Every value that can't be used is found before the first one is reported, so that a
configuration is mended in one go.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.inspect import BoolType, IntType, LiteralType, Metadata, StrType, Type, type_info

ENVIRONMENT_PREFIX: Final = "ROWFERRY__"
CONFIG_FILE_VARIABLE: Final = "ROWFERRY_CONFIG"
DEFAULT_CONFIG_FILE: Final = Path("config.toml")

_DECODERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    ".toml": msgspec.toml.decode,
    ".json": msgspec.json.decode,
    ".yaml": msgspec.yaml.decode,
    ".yml": msgspec.yaml.decode,
}
_UNIT_BYTES: Final = {
    "": 1, "B": 1,
    "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_SIZE = re.compile(r"\s*(\d{1,18})\s*([A-Za-z]*)\s*", re.ASCII)
_SHOWN_CHARS: Final = 60

Values = dict[str, dict[str, Any]]
"""Group -> key -> value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A setting that can't be used: where it stands, what was expected there, what was found."""

    source: str
    key: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.source}: {self.key}: expected {self.expected}, got {self.got}"


class ConfigError(Exception):
    """The settings can't be used; ``problems`` has at least one entry."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems: Final = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of a group: the type that its values are converted to."""

    group: str
    key: str
    type: Any
    default: Any

    @property
    def name(self) -> str:
        """The name that files and messages use."""
        return f"{self.group}.{self.key}"

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return f"{ENVIRONMENT_PREFIX}{self.group}__{self.key}".upper()

    @property
    def is_size(self) -> bool:
        """Tell whether values are bytes, and may be written with a unit."""
        return _extra(self.type).get("unit") == "bytes"

    @property
    def is_secret(self) -> bool:
        """Tell whether values never appear in messages and listings."""
        return _extra(self.type).get("secret") is True

    @property
    def expected(self) -> str:
        """Say what values are good, in words."""
        named: str | None = _extra(self.type).get("expected")
        return named or _describe(self.type, is_size=self.is_size)


def settings_of(config: type[msgspec.Struct]) -> tuple[Setting, ...]:
    """Give the keys of all groups of a configuration, in their order."""
    return tuple(
        Setting(group=group.name, key=field.name, type=field.type, default=field.default)
        for group in msgspec.structs.fields(config)
        for field in _own_fields_first(group.type)
    )


def _own_fields_first(group: type[msgspec.Struct]) -> list[msgspec.structs.FieldInfo]:
    own = list(group.__annotations__)
    return sorted(
        msgspec.structs.fields(group),
        key=lambda field: own.index(field.name) if field.name in own else len(own),
    )


def config_file(path: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Choose the file: the one named by the caller, by the environment, or ./config.toml."""
    named = environment.get(CONFIG_FILE_VARIABLE)
    if path is not None:
        return path
    if named:
        return Path(named)
    return DEFAULT_CONFIG_FILE if DEFAULT_CONFIG_FILE.is_file() else None


def read_values(
    settings: tuple[Setting, ...], file: Path | None, environment: Mapping[str, str]
) -> Values:
    """Merge the file and, above it, the environment; raise ConfigError for all that is wrong."""
    problems: list[Problem] = []
    values = _file_values(settings, file, problems) if file is not None else {}
    for group, overrides in _environment_values(settings, environment, problems).items():
        values.setdefault(group, {}).update(overrides)
    if problems:
        raise ConfigError(tuple(problems))
    return values


def parse_size(text: str) -> int | None:
    """Read a size such as ``32 MiB``, ``10MB`` or ``4096`` into bytes; None if it is none."""
    match = _SIZE.fullmatch(text)
    if match is None or match[2] not in _UNIT_BYTES:
        return None
    return int(match[1]) * _UNIT_BYTES[match[2]]


def _file_values(settings: tuple[Setting, ...], file: Path, problems: list[Problem]) -> Values:
    known = {(setting.group, setting.key): setting for setting in settings}
    values: Values = {}
    for group, entries in _read_file(file).items():
        if not isinstance(entries, dict) or group not in {s.group for s in settings}:
            problems.append(_unknown(str(file), f"[{group}]", [f"[{s.group}]" for s in settings]))
            continue
        for key, raw in entries.items():
            setting = known.get((group, key))
            if setting is None:
                names = [s.name for s in settings]
                problems.append(_unknown(str(file), f"{group}.{key}", names))
            else:
                _convert(setting, raw, str(file), setting.name, values, problems)
    return values


def _environment_values(
    settings: tuple[Setting, ...], environment: Mapping[str, str], problems: list[Problem]
) -> Values:
    known = {setting.variable: setting for setting in settings}
    values: Values = {}
    for name in sorted(environment):
        # Names with one underscore are not ours to judge: Kubernetes sets ROWFERRY_PORT and the
        # like for a service that is called rowferry.
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        if name in known:
            raw = _environment_value(known[name], environment[name])
            _convert(known[name], raw, "environment", name, values, problems)
        else:
            problems.append(_unknown("environment", name, list(known)))
    return values


def _environment_value(setting: Setting, text: str) -> Any:  # noqa: ANN401  any JSON value
    """Read what only a file could spell out: lists as JSON, numbers and switches as words."""
    try:
        if text.startswith("["):
            return msgspec.json.decode(text)
        return msgspec.convert(text, setting.type, strict=False)
    except msgspec.DecodeError:
        return text


def _convert(
    setting: Setting,
    raw: object,
    source: str,
    name: str,
    values: Values,
    problems: list[Problem],
) -> None:
    size = parse_size(raw) if setting.is_size and isinstance(raw, str) else None
    try:
        value = msgspec.convert(raw if size is None else size, setting.type)
    except msgspec.ValidationError as error:
        got = "a value that is not shown" if setting.is_secret else _shown(raw)
        expected = setting.expected
        if isinstance(raw, list):
            expected += f" ({error})"  # which names a place and a type, and no value
        problems.append(Problem(source=source, key=name, expected=expected, got=got))
    else:
        values.setdefault(setting.group, {})[setting.key] = value


def _read_file(file: Path) -> dict[str, Any]:
    decode = _DECODERS.get(file.suffix.lower())
    if decode is None:
        raise _file_error(file, f"a name that ends in {', '.join(_DECODERS)}", file.name)
    try:
        content = decode(file.read_bytes()) or {}
    except OSError as exc:
        raise _file_error(file, "a file that can be read", exc.strerror or str(exc)) from exc
    except ImportError as exc:
        raise _file_error(file, "PyYAML to be installed for a YAML file", "none") from exc
    except ValueError as exc:
        raise _file_error(file, f"valid {file.suffix[1:].upper()}", str(exc)) from exc
    if not isinstance(content, dict):
        raise _file_error(file, "groups of settings", _shown(content))
    return content


def _file_error(file: Path, expected: str, got: str) -> ConfigError:
    return ConfigError((Problem(source=str(file), key="file", expected=expected, got=got),))


def _unknown(source: str, name: str, known: list[str]) -> Problem:
    close = difflib.get_close_matches(name, known, n=1)
    expected = f"{close[0]}, perhaps" if close else "a name that docs/configuration.md lists"
    return Problem(source=source, key=name, expected=expected, got="an unknown name")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def _extra(annotation: Any) -> Mapping[str, Any]:  # noqa: ANN401  a type expression
    info = type_info(annotation)
    return (info.extra or {}) if isinstance(info, Metadata) else {}


def _describe(annotation: Any, *, is_size: bool) -> str:  # noqa: ANN401  a type expression
    info: Type = type_info(annotation)
    if isinstance(info, Metadata):
        info = info.type
    match info:
        case IntType(ge=low, le=high) if is_size:
            return f'bytes from {low} to {high}, or text such as "32 MiB"'
        case IntType(ge=low, le=high):
            return f"a whole number from {low} to {high}"
        case LiteralType(values=words):
            return "one of " + ", ".join(map(str, words))
        case BoolType():
            return "true or false"
        case StrType(min_length=1):
            return "text that is not empty"
        case _:
            return "text"
