"""The order of sources, and where each value comes from."""

from pathlib import Path

import pytest

from rowferry.config import Config, settings, shown_settings
from rowferry.config_loading import load
from rowferry.config_sources import ConfigError

CONTENT = {
    ".toml": '[server]\nport = 7001\nmax_inflight_bytes = "48 MiB"\n',
    ".json": '{"server": {"port": 7001, "max_inflight_bytes": "48 MiB"}}',
    ".yaml": "server:\n  port: 7001\n  max_inflight_bytes: 48 MiB\n",
    ".yml": "server: {port: 7001, max_inflight_bytes: 50331648}\n",
}


@pytest.fixture(autouse=True)
def _empty_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("suffix", CONTENT)
def test_every_kind_of_file_gives_the_same_settings(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"settings{suffix}"
    file.write_text(CONTENT[suffix])
    config = load(file, {})
    assert (config.server.port, config.server.max_inflight_bytes) == (7001, 48 * 2**20)


def test_without_any_source_every_setting_has_its_default() -> None:
    assert load(None, {}) == Config()


def test_the_environment_is_above_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[server]\nport = 7001\nstatus_port = 7002\n")
    config = load(file, {"ROWFERRY__SERVER__PORT": "8001"})
    assert (config.server.port, config.server.status_port) == (8001, 7002)


def test_the_named_file_is_above_the_one_in_the_environment_and_that_above_the_found_one() -> None:
    for name, port in (("config.toml", 1), ("variable.toml", 2), ("named.toml", 3)):
        Path(name).write_text(f"[server]\nport = {port}\n")
    environment = {"ROWFERRY_CONFIG": "variable.toml"}
    assert load(None, {}).server.port == 1
    assert load(None, environment).server.port == 2
    assert load(Path("named.toml"), environment).server.port == 3


@pytest.mark.parametrize("suffix", [".toml", ".yaml"])
def test_an_empty_file_changes_nothing(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"settings{suffix}"
    file.touch()
    assert load(file, {}) == Config()


def test_environment_values_are_read_as_their_settings_types() -> None:
    config = load(
        None,
        {
            "ROWFERRY__SECURITY__ALLOW_UNAUTHENTICATED": "true",
            "ROWFERRY__SPOOL__MAX_LAG_BYTES": "2 MiB",
            "ROWFERRY__CONCURRENCY__WRITER_THREADS": "3",
            "ROWFERRY__SECURITY__LINK_SECRET": '["0123456789abcdef", "fedcba9876543210"]',
            "ROWFERRY__SPOOL__DIRECTORY": "[odd",
        },
    )
    assert config.security.allow_unauthenticated is True
    assert config.spool.max_lag_bytes == 2 * 2**20
    assert config.writer_threads == 3
    assert config.security.link_secrets == ("0123456789abcdef", "fedcba9876543210")
    assert config.spool.directory == "[odd"


def test_names_with_one_underscore_belong_to_others() -> None:
    assert load(None, {"ROWFERRY_PORT": "tcp://10.0.0.1:9090"}) == Config()


def test_everything_lies_under_the_data_directory(tmp_path: Path) -> None:
    config = load(None, {"ROWFERRY__SERVER__DATA_DIRECTORY": "data"})
    root = tmp_path / "data"
    assert config.data_directory == root
    assert config.database_url == f"sqlite:///{root}/rowferry.db"
    assert config.spool_directory == root / "spool"
    assert config.temp_directory == root / "temporary"
    assert config.local_directory == root / "files"
    assert config.link_secret_path == root / "link-secret"


def test_a_folder_can_be_moved_out_of_the_data_directory(tmp_path: Path) -> None:
    config = load(None, {"ROWFERRY__SPOOL__DIRECTORY": str(tmp_path / "fast")})
    assert config.spool_directory == tmp_path / "fast"


def test_writers_use_every_core_unless_told_otherwise() -> None:
    assert Config().writer_threads >= 1


def test_a_public_host_needs_consent_to_serve_without_authentication() -> None:
    with pytest.raises(ConfigError, match=r"server\.host: .*allow_unauthenticated"):
        load(None, {"ROWFERRY__SERVER__HOST": "0.0.0.0"})  # noqa: S104  refused
    environment = {
        "ROWFERRY__SERVER__HOST": "0.0.0.0",  # noqa: S104  never bound
        "ROWFERRY__SECURITY__ALLOW_UNAUTHENTICATED": "true",
    }
    assert load(None, environment).server.host == environment["ROWFERRY__SERVER__HOST"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_hosts_need_no_consent(host: str) -> None:
    assert load(None, {"ROWFERRY__SERVER__HOST": host}).server.host == host


def test_shown_settings_hold_every_name_and_no_secret() -> None:
    config = load(None, {"ROWFERRY__SECURITY__LINK_SECRET": "0123456789abcdef"})
    shown = shown_settings(config)
    assert list(shown) == [setting.name for setting in settings()]
    assert shown["security.link_secret"] == "***"  # noqa: S105  masked
    assert shown["server.port"] == 9090
    assert "0123456789abcdef" not in repr(config)
