"""The doctor looks at who may pass."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from rowferry.access.token_file import create_token
from tests.integration.doctor.conftest import Diagnosis, Doctor
from tests.unit.wire.test_tls import issue

ON = {"SECURITY__AUTH_ENABLED": "true", "SECURITY__CLIENTS": '[{"name": "shop"}]'}


def message(diagnosis: Diagnosis, check: str) -> tuple[str, str]:
    finding = diagnosis.findings[check]
    return finding["status"], finding["message"]


def test_open_service_says_to_whom(doctor: Doctor) -> None:
    alone = message(doctor({}), "security.access")
    assert alone == ("ok", "everybody on this machine is let in, nobody else")
    exposed = {"SERVER__HOST": "192.0.2.1", "SECURITY__ALLOW_UNAUTHENTICATED": "true"}
    status, text = message(doctor(exposed), "security.access")
    assert (status, "192.0.2.1" in text) == ("warning", True)


def test_client_without_a_token_is_named(doctor: Doctor, data: Path) -> None:
    assert message(doctor(ON), "security.access") == ("warning", "1 clients, no token for shop")
    create_token(data / "tokens.json", "shop", now=datetime.now(UTC))
    assert message(doctor(ON), "security.access") == ("ok", "1 clients")
    assert message(doctor(ON), "security.tokens") == ("ok", "1 active, 0 expired, 0 revoked")


def test_client_whose_only_token_is_over_is_named(doctor: Doctor, data: Path) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    create_token(data / "tokens.json", "shop", now=past, expires_at=past)
    diagnosis = doctor(ON)
    assert message(diagnosis, "security.access")[0] == "warning"
    assert message(diagnosis, "security.tokens") == ("ok", "0 active, 1 expired, 0 revoked")


def test_token_that_ends_soon_is_named(doctor: Doctor, data: Path) -> None:
    now = datetime.now(UTC)
    made = create_token(data / "tokens.json", "shop", now=now, expires_at=now + timedelta(days=3))
    status, text = message(doctor(ON), "security.tokens")
    assert (status, made.record.id in text, made.text in text) == ("warning", True, False)


def test_file_of_tokens_that_others_read_or_nobody_understands(doctor: Doctor, data: Path) -> None:
    create_token(data / "tokens.json", "shop", now=datetime.now(UTC))
    (data / "tokens.json").chmod(0o644)
    assert message(doctor(ON), "security.tokens")[0] == "warning"
    (data / "tokens.json").write_text("{")
    assert message(doctor(ON), "security.tokens")[0] == "failed"


def test_tokens_in_the_clear_are_worth_a_warning(doctor: Doctor) -> None:
    assert message(doctor(ON | {"SERVER__HOST": "192.0.2.1"}), "security.tls")[0] == "warning"


@pytest.mark.parametrize(("days", "status"), [(400, "ok"), (5, "warning"), (-1, "failed")])
def test_certificates_end_is_told(doctor: Doctor, tmp_path: Path, days: int, status: str) -> None:
    ends = datetime.now(UTC) + timedelta(days=days)
    issued = trustme.CA().issue_cert(
        "localhost", not_before=ends - timedelta(days=500), not_after=ends
    )
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    issued.private_key_pem.write_to_path(str(key))
    chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    settings = {"SECURITY__TLS_CERTIFICATE": str(chain), "SECURITY__TLS_KEY": str(key)}
    found, text = message(doctor(settings), "security.tls")
    assert found == status
    assert (f"{ends:%Y-%m-%d}" in text) == (days > 0)


def test_key_of_another_certificate_is_a_failure(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files, other = issue(trustme.CA(), tmp_path), issue(trustme.CA(), tmp_path / "other")
    diagnosis = doctor(
        {"SECURITY__TLS_CERTIFICATE": files.certificate, "SECURITY__TLS_KEY": other.key}
    )
    assert message(diagnosis, "security.tls")[0] == "failed"
    assert diagnosis.exit_code == 1
    assert json.loads(diagnosis.text.splitlines()[0])["check"] == "configuration"
