"""The tests of the PHP client that need no service."""

import shutil
import subprocess

import pytest

from tests.clients.php_transport import PHP_CLIENT, RUN_SECONDS

pytestmark = pytest.mark.clients


def test_units() -> None:
    phpunit = shutil.which("phpunit")
    assert phpunit is not None, "phpunit is missing: apt-get install phpunit"
    done = subprocess.run(
        [phpunit, "--no-coverage", "-c", PHP_CLIENT],
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK (" in done.stdout
