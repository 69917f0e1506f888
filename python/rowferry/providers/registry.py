"""The data providers there are: configured queries, and users' own classes by entry point."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from rowferry.domain.errors import ErrorCode, RowferryError, invalid_metadata
from rowferry.domain.spec import Column, ExportSpec
from rowferry.ports import DataProvider, PulledSource

ENTRY_POINT_GROUP: Final = "rowferry.providers"

Validate = Callable[[Any], Any]


class ProviderSetupError(Exception):
    """A data provider can't be used: the service must not start without it."""


class ProviderRegistry:
    """A ``ports.DataProviders``."""

    def __init__(self, providers: Iterable[DataProvider] = ()) -> None:
        self._providers: dict[str, DataProvider] = {}
        self._validators: dict[str, Validate] = {}
        for provider in providers:
            name = _name_of(provider)
            if name in self._providers:
                message = f"There are two data providers with the name {name!r}."
                raise ProviderSetupError(message)
            self._validators[name] = _compiled(name, provider)
            self._providers[name] = provider

    def accept(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Check parameters against the provider's schema; fill its defaults in."""
        if name not in self._providers:
            raise self._unknown(name)
        from fastjsonschema import JsonSchemaValueException  # noqa: PLC0415  only with providers

        filled = deepcopy(dict(parameters))
        try:
            self._validators[name](filled)
        except JsonSchemaValueException as error:
            field = "parameters" + str(error.name).removeprefix("data")
            sentence = str(error.message).replace(str(error.name), field, 1)
            raise invalid_metadata(field, f"{sentence}.") from None
        return filled

    def columns(self, name: str, parameters: Mapping[str, Any]) -> tuple[Column, ...]:
        """Ask the provider."""
        from rowferry.providers.pulled_rows import provider_errors  # noqa: PLC0415

        with provider_errors(name):
            return tuple(self._providers[name].columns(parameters))

    def open(self, spec: ExportSpec) -> PulledSource:
        """Prepare to read."""
        from rowferry.providers.pulled_rows import PulledRows  # noqa: PLC0415

        provider = self._providers.get(spec.provider)
        if provider is None:
            message = "The data provider of the export is not installed on this node."
            context = {"provider": spec.provider}
            raise RowferryError(ErrorCode.PROVIDER_FAILED, message, context)
        return PulledRows(provider, spec)

    def _unknown(self, name: str) -> RowferryError:
        names = sorted(self._providers)
        close = difflib.get_close_matches(name, names, n=1)
        message = "There is no data provider of this name"
        message += f": {close[0]}, perhaps." if close else "."
        return invalid_metadata("provider", message, expected=", ".join(names) or "none", got=name)


def installed_providers() -> Sequence[DataProvider]:
    """Make the providers of all installed packages; raise ProviderSetupError for a broken one."""
    return [_load(entry) for entry in entry_points(group=ENTRY_POINT_GROUP)]


def _load(entry: EntryPoint) -> DataProvider:
    try:
        provider: DataProvider = entry.load()()
    except Exception as error:
        message = (
            f"The data provider {entry.name!r} ({entry.value}) can't be loaded: "
            f"{type(error).__name__}: {error}"
        )
        raise ProviderSetupError(message) from error
    return provider


def _name_of(provider: DataProvider) -> str:
    for attribute in ("name", "parameter_schema", "columns", "rows"):
        if not hasattr(provider, attribute):
            message = f"The data provider {type(provider).__name__} has no {attribute!r}."
            raise ProviderSetupError(message)
    name: object = provider.name
    if not isinstance(name, str) or not name:
        raise ProviderSetupError(f"The name of {type(provider).__name__} is no text.")
    return name


def _compiled(name: str, provider: DataProvider) -> Validate:
    """Make the function that checks parameters; imported here to spare a service without any."""
    import fastjsonschema  # noqa: PLC0415

    try:
        validate: Validate = fastjsonschema.compile(dict(provider.parameter_schema))
    except Exception as error:
        message = f"The parameter schema of {name!r} is not valid JSON Schema: {error}"
        raise ProviderSetupError(message) from error
    return validate
