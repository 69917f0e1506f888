"""What docs/php.md shows is run, snippet by snippet, with a real service."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.clients.php_transport import PHP_CLIENT, TRANSPORTS
from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]
_PAGE: Final = (PHP_CLIENT.parents[1] / "docs/php.md").read_text("utf-8")
_SNIPPETS: Final = re.findall(r"^```php *(\w*)\n(.*?)^```$", _PAGE, re.DOTALL | re.MULTILINE)
_IMPORTED: Final = """
use Illuminate\\Support\\Facades\\{Event, Log};
use Maatwebsite\\Excel\\Concerns\\FromCollection;
use Rowferry\\{Column, DataType, ExportOptions, Format, Progress};
use Rowferry\\{RetryPolicy, TaskFilter, TaskState};
use Rowferry\\Exception\\{InvalidRowException, UnavailableException, UnreachableException};
use Rowferry\\Laravel\\Events\\ExportStored;
use Rowferry\\Laravel\\Tests\\Fixtures\\{User, UsersExport};
use Rowferry\\Laravel\\WithColumns;
use Rowferry\\Testing\\MemoryTransport;
use Symfony\\Component\\DependencyInjection\\Loader\\Configurator\\ContainerConfigurator;
"""
_PROVIDER: Final = """
[[providers.sql_queries]]
name = "orders"
url = "sqlite:///{database}"
statement = "SELECT :country AS country, :since AS since"
parameters.country = {{ type = "string" }}
parameters.since = {{ type = "string", default = "2020-01-01" }}
"""
_BEFORE: Final = {
    "": """
use Rowferry\\Rowferry;
require getenv('CLIENT') . '/autoload.php';
$address = getenv('ROWFERRY_ADDRESS');
$httpAddress = getenv('HTTP_ADDRESS');
$id = uniqid();
$logger = new \\Psr\\Log\\NullLogger();
$columns = ['id' => DataType::Number, 'text'];
$rows = [[1, 'x'], [2, 'y']];
$rowferry = Rowferry::connect($address);
""",
    "laravel": """
use Rowferry\\Laravel\\Facades\\Rowferry;
require getenv('CLIENT') . '/laravel/tests/bootstrap.php';
$application = (new \\Rowferry\\Laravel\\Tests\\Application())->withUsers(5);
register_shutdown_function($application->close(...));
$result = Rowferry::store(new UsersExport, 'users.csv');
""",
    "symfony": """
require getenv('CLIENT') . '/symfony/tests/bootstrap.php';
$configure = (static function () {
""",
}
_AFTER: Final = {
    "": "",
    "laravel": "",
    "symfony": """
})();
$kernel = new \\Rowferry\\Symfony\\Tests\\Kernel($configure);
$kernel->boot();
$command = $kernel->getContainer()->get(App\\Command\\ExportNumbersCommand::class);
(new Symfony\\Component\\Console\\Tester\\CommandTester($command))->execute([]);
(new Symfony\\Component\\Filesystem\\Filesystem())->remove($kernel->getProjectDir());
""",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("php-docs")
    (folder / "shop.db").touch()
    settings = folder / "settings.toml"
    settings.write_text(_PROVIDER.format(database=folder / "shop.db"))
    arguments = ("-m", "rowferry", "serve", "--config", str(settings))
    with running_service(folder, arguments=arguments) as running:
        yield running


def _program(framework: str, snippet: str, service: ServiceProcess) -> str:
    if snippet.startswith("<?php"):
        return snippet.replace("'clients/php/", f"'{PHP_CLIENT}/").replace(
            "127.0.0.1:9090", service.grpc
        )
    body = snippet
    if framework == "laravel" and "return " in snippet and "class " not in snippet:
        body = f"(static function () {{ {snippet} }})();"
    return f"<?php {_IMPORTED}{_BEFORE[framework]}{body}{_AFTER[framework]}\necho 'run';"


@pytest.mark.parametrize("number", range(len(_SNIPPETS)))
def test_snippets_run(number: int, service: ServiceProcess, tmp_path: Path) -> None:
    framework, snippet = _SNIPPETS[number]
    program = tmp_path / "snippet.php"
    program.write_text(_program(framework, snippet, service), "utf-8")
    completed = TRANSPORTS["curl"].run(
        ("-d", "zend.assertions=1", "-d", "display_errors=1", program),
        service.grpc,
        CLIENT=str(PHP_CLIENT),
        HTTP_ADDRESS=service.http,
        ROWFERRY_TOKEN="nobody-asks-for-it",  # noqa: S106  the service has no clients
    )
    assert completed.returncode == 0, f"{snippet}\n{completed.stdout}{completed.stderr}"
    for complaint in ("Warning:", "Notice:", "Deprecated:"):
        assert complaint not in completed.stdout, completed.stdout
    assert "try " not in completed.stdout, completed.stdout


def test_every_section_has_a_snippet_that_runs() -> None:
    assert {framework for framework, _ in _SNIPPETS} == {"", "laravel", "symfony"}
    assert len(_SNIPPETS) == _PAGE.count("```php")


def test_the_page_names_every_exception() -> None:
    classes = {path.stem for path in (PHP_CLIENT / "src/Exception").glob("*Exception.php")}
    assert classes <= set(re.findall(r"\w+Exception", _PAGE))
