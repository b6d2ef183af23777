"""Endpoints by method and path: one look-up, however many there are; those with fields in their path go in turn."""

from collections.abc import Iterable, Mapping
from re import Pattern
from types import MappingProxyType
from typing import Final, final

from twofold.web._endpoint import Endpoint
from twofold.web._plan import Planned

_NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})


@final
class Table:
    """The endpoints of an application.

    Args:
        planned: The endpoints, of which none has method and path of another.
    """

    def __init__(self, planned: Iterable[Planned]) -> None:
        self.endpoints: list[Endpoint] = []
        self._fixed: dict[str, dict[str, Endpoint]] = {}
        self._open: dict[Pattern[str], dict[str, Endpoint]] = {}
        for one in planned:
            endpoint = one.endpoint
            self.endpoints.append(endpoint)
            if one.converts:
                methods = self._open.setdefault(one.pattern, {})
            else:
                methods = self._fixed.setdefault(endpoint.path, {})
            methods[endpoint.method] = endpoint
            if endpoint.method == "GET":
                methods["HEAD"] = endpoint

    def find(self, method: str, path: str) -> tuple[Endpoint | None, Mapping[str, str], set[str]]:
        """Look an endpoint up.

        Args:
            method: The method that is asked for.
            path: The path that is asked for.

        Returns:
            The endpoint, what is in the fields of its path, and the methods that the path is offered by instead when
            there is no endpoint; none of those when nothing is there at all.
        """
        allowed: set[str] = set()
        methods = self._fixed.get(path)
        if methods is not None:
            if method in methods:
                return methods[method], _NO_FIELDS, allowed
            allowed.update(methods)
        for pattern, methods in self._open.items():
            match = pattern.match(path)
            if match is not None:
                if method in methods:
                    return methods[method], match.groupdict(), allowed
                allowed.update(methods)
        return None, _NO_FIELDS, allowed
