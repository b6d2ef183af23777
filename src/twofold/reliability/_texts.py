"""Settings as texts: environment variables, or a file of them."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from typing import Any, Final

from twofold.errors import WiringError
from twofold.reliability._breaker import CircuitBreaker
from twofold.reliability._bulkhead import Bulkhead
from twofold.reliability._deadline import Timeout
from twofold.reliability._rate import RateLimit
from twofold.reliability._retry import Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """What is set of each part; None for a part that is not set."""

    rate_limit: RateLimit | None = None
    circuit_breaker: CircuitBreaker | None = None
    timeout: Timeout | None = None
    retry: Retry | None = None
    bulkhead: Bulkhead | None = None


_PARTS: Final[Mapping[str, tuple[Any, str]]] = {
    "rate_limit": (RateLimit, "rate"),
    "circuit_breaker": (CircuitBreaker, "failures"),
    "timeout": (Timeout, "seconds"),
    "retry": (Retry, "attempts"),
    "bulkhead": (Bulkhead, "concurrent"),
}
"""The class of each part, and what its shorthand sets."""


def settings_from(
    texts: Mapping[str, str], prefix: str = "TWOFOLD_", said: Mapping[str, Any] | None = None
) -> Reliability:
    """The settings that texts name, as `TWOFOLD_RETRY_ATTEMPTS=3`, or short `TWOFOLD_RETRY=3`.

    Args:
        texts: By name, whose case does not matter; those of something else are passed over.
        prefix: What the names begin with.
        said: Settings by part, which texts change only in what they name; other parts have their defaults.

    Raises:
        WiringError: A name is none of a part's, or a text says nothing that makes sense; tells all of them.
    """
    found: dict[str, dict[str, str]] = {}
    wrong: list[str] = []
    for name, text in texts.items():
        part, setting = _read(name.lower(), prefix.lower())
        given = found.setdefault(part, {}) if part else {}
        if part and setting not in _names(part):
            near = get_close_matches(setting, _names(part)) or _names(part)
            wrong.append(f"{name} sets nothing: did you mean {', '.join(_full(prefix, part, one) for one in near)}?")
        elif setting in given:
            wrong.append(f"{name} is set twice: {_full(prefix, part, setting)} has a short form, and only one is used")
        else:
            given[setting] = text.strip()
    parts = {
        part: _made(part, {**_given((said or {}).get(part)), **given}, prefix, wrong) for part, given in found.items()
    }
    if wrong:
        raise WiringError("; ".join(wrong))
    return Reliability(**parts)


def _read(name: str, prefix: str) -> tuple[str, str]:
    """The part and the setting that a name means; nothing when it belongs to no part."""
    for part, (_, short) in _PARTS.items():
        if name == prefix + part:
            return part, short
        if name.startswith(f"{prefix}{part}_"):
            return part, name.removeprefix(f"{prefix}{part}_")
    return "", ""


def _given(settings: Any) -> dict[str, Any]:
    """What settings say by name; a queue as long as a bulkhead is wide goes on following its width."""
    if settings is None:
        return {}
    given = {one.name: getattr(settings, one.name) for one in fields(settings)}
    if isinstance(settings, Bulkhead) and settings.waiting == settings.concurrent:
        del given["waiting"]
    return given


def _made(part: str, given: Mapping[str, Any], prefix: str, wrong: list[str]) -> Any:
    cls, short = _PARTS[part]
    if short not in given and any(one.name == short and one.default is MISSING for one in fields(cls)):
        wrong.append(f"{_full(prefix, part, short)} is missing")
        return None
    try:
        return cls(**given)
    except WiringError as error:
        wrong.append(f"{_full(prefix, part, '*')}: {error}")
        return None


def _names(part: str) -> list[str]:
    return [one.name for one in fields(_PARTS[part][0])]


def _full(prefix: str, part: str, setting: str) -> str:
    return f"{prefix}{part}_{setting}".upper()
