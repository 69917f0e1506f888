"""Settings that can't be used are refused with source, key, expectation and finding."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.config_loading import load
from rowferry.config_sources import ConfigError, Problem, parse_size

REFUSED = [
    ("server.port", "port = 65536", "from 0 to 65535", "65536"),
    ("server.port", "port = -1", "from 0 to 65535", "-1"),
    ("server.port", 'port = "9090"', "a whole number", "'9090'"),
    ("server.port", "port = true", "a whole number", "True"),
    ("server.host", 'host = ""', "text that is not empty", "''"),
    ("server.max_message_bytes", 'max_message_bytes = "16 Mib"', '"32 MiB"', "'16 Mib'"),
    ("server.max_message_bytes", "max_message_bytes = 1", "from 65536", "1"),
    ("server.public_url", 'public_url = "ftp://x"', "http://", "'ftp://x'"),
]


def problems_of(content: str, folder: Path, environment: dict[str, str]) -> tuple[Problem, ...]:
    file = folder / "settings.toml"
    file.write_text(content)
    with pytest.raises(ConfigError) as refusal:
        load(file, environment)
    return refusal.value.problems


@pytest.mark.parametrize(("key", "line", "expected", "got"), REFUSED)
def test_a_value_out_of_type_or_range_is_named(
    tmp_path: Path, key: str, line: str, expected: str, got: str
) -> None:
    (problem,) = problems_of(f"[server]\n{line}\n", tmp_path, {})
    assert problem.source == str(tmp_path / "settings.toml")
    assert (problem.key, problem.got) == (key, got)
    assert expected in problem.expected


def test_words_and_switches_say_what_they_may_be(tmp_path: Path) -> None:
    content = '[logging]\nlevel = "loud"\n[security]\nallow_unauthenticated = 1\n'
    level, switch = problems_of(content, tmp_path, {})
    assert level.expected == "one of debug, error, info, warning"
    assert switch.expected == "true or false"


def test_all_problems_of_all_sources_are_reported_at_once(tmp_path: Path) -> None:
    content = "[server]\nport = 70000\nprot = 1\n[servers]\nx = 1\n"
    environment = {"ROWFERRY__SERVER__PORTT": "1", "ROWFERRY__SPOOL__MAX_LAG_BYTES": "many"}
    problems = problems_of(content, tmp_path, environment)
    assert [p.key for p in problems] == [
        "server.port",
        "server.prot",
        "[servers]",
        "ROWFERRY__SERVER__PORTT",
        "ROWFERRY__SPOOL__MAX_LAG_BYTES",
    ]
    assert problems[1].expected == "server.port, perhaps"
    assert problems[3].expected == "ROWFERRY__SERVER__PORT, perhaps"
    assert problems[4].source == "environment"


def test_an_unknown_name_without_a_like_one_points_to_the_documentation(tmp_path: Path) -> None:
    (problem,) = problems_of("[qqq]\nzzz = 1\n", tmp_path, {})
    assert "docs/configuration.md" in problem.expected


def test_a_setting_outside_a_group_is_unknown(tmp_path: Path) -> None:
    (problem,) = problems_of("port = 1\n", tmp_path, {})
    assert problem.key == "[port]"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.toml", b"[server\n", "valid TOML"),
        ("a.toml", b"\xff\xfe", "valid TOML"),
        ("a.json", b"[1]", "groups of settings"),
        ("a.yaml", b"a: [", "valid YAML"),
        ("a.ini", b"", "a name that ends in .toml, .json, .yaml, .yml"),
    ],
)
def test_a_file_that_holds_no_settings_is_refused(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as refusal:
        load(tmp_path / name, {})
    (problem,) = refusal.value.problems
    assert (problem.key, problem.expected) == ("file", expected)


@pytest.mark.parametrize("by_environment", [False, True])
def test_a_missing_file_is_refused(tmp_path: Path, *, by_environment: bool) -> None:
    file = tmp_path / "none.toml"
    with pytest.raises(ConfigError, match="No such file"):
        load(None, {"ROWFERRY_CONFIG": str(file)}) if by_environment else load(file, {})


CONTRADICTIONS = [
    ({"SERVER__MAX_INFLIGHT_BYTES": "1 MiB"}, "server.max_message_bytes"),
    ({"SECURITY__LINK_SECRET": "short"}, "security.link_secret"),
    (
        {"SECURITY__LINK_SECRET": "0123456789abcdef", "SECURITY__LINK_SECRET_FILE": "x"},
        "security.link_secret",
    ),
    ({"SECURITY__TLS_KEY": "key.pem"}, "security.tls_certificate"),
    ({"SECURITY__CLIENT_CA": "ca.pem"}, "security.client_ca"),
    ({"TASK_STORE__URL": "postgresql://h/d"}, "ROWFERRY__TASK_STORE__URL"),
]


@pytest.mark.parametrize(("environment", "key"), CONTRADICTIONS)
def test_values_that_contradict_each_other_are_refused(
    environment: dict[str, str], key: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(None, {f"ROWFERRY__{name}": value for name, value in environment.items()})
    assert [problem.key for problem in refusal.value.problems] == [key]


def test_a_refused_secret_is_not_repeated(tmp_path: Path) -> None:
    (problem,) = problems_of("[security]\nlink_secret = 123456\n", tmp_path, {})
    assert "123456" not in str(problem)


def test_a_long_value_is_shown_cut(tmp_path: Path) -> None:
    (problem,) = problems_of(f'[server]\nport = "{"9" * 500}"\n', tmp_path, {})
    assert len(problem.got) == 60


@given(number=st.integers(0, 10**15), blank=st.sampled_from(["", " "]))
@pytest.mark.parametrize(("unit", "factor"), [("", 1), ("kB", 10**3), ("MiB", 2**20)])
def test_a_size_is_its_number_times_its_unit(
    number: int, blank: str, unit: str, factor: int
) -> None:
    assert parse_size(f"{number}{blank}{unit}") == number * factor


@given(st.text())
def test_any_other_text_is_no_size(text: str) -> None:
    size = parse_size(text)
    assert size is None or (size >= 0 and any(c in "0123456789" for c in text))
