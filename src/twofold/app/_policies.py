"""What is set of reliability for each handler, and where: at it, at its module or for the whole application.

The nearer to the message the better, and at one place the environment is asked before the code:
`TWOFOLD_FIND_USER__RETRY=3` is nearest to the message `find_user`, then comes what its handler says,
`TWOFOLD_USERS__RETRY=3` and the module `users`, and `TWOFOLD_RETRY=3` and the application. `off` switches a part off.
Variables change only what they name of what the code says at the same place.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from twofold.dispatch import APPLIES_TO, Handler, Module
from twofold.errors import Fault, WiringError
from twofold.messages import wire_name
from twofold.reliability import Bulkhead, CircuitBreaker, RateLimit, Reliability, Retry, Timeout, settings_from

_CLASSES: Final[Mapping[str, Any]] = {
    "rate_limit": RateLimit,
    "bulkhead": Bulkhead,
    "circuit_breaker": CircuitBreaker,
    "timeout": Timeout,
    "retry": Retry,
}
_PREFIX: Final = "TWOFOLD_"
_NEAR: Final = 0.8
_SCOPED: Final = re.compile(r"(TWOFOLD_(\w+?)__)\w+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is set, and where; None for something that is switched off."""

    value: Any
    source: str
    instead_of: str = ""
    """Variables of the environment that say something else, and are farther away; empty when none does."""
    is_own: bool = False
    """Whether it is set for this handler's message, and not for more of them."""


Settings = Mapping[str, Setting]
"""What is set for one handler, by the name of the part."""


@dataclass(frozen=True, slots=True)
class _Layer:
    values: Mapping[str, Any]
    source: str
    is_outside: bool = False
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where each part comes from, where that is known better."""


@dataclass(frozen=True, slots=True)
class _Variables:
    prefix: str = _PREFIX
    texts: Mapping[str, str] = field(default_factory=dict[str, str])


def policies_of(
    application: Mapping[str, Any],
    modules: Sequence[Module],
    handlers: Iterable[Handler],
    environment: Mapping[str, str],
) -> tuple[dict[Handler, Settings], list[Fault]]:
    """What is set for each handler, and what is wrong with it.

    Args:
        application: What the application says.
        modules: Its modules.
        handlers: Their handlers.
        environment: The environment variables.
    """
    faults: list[Fault] = []
    handlers = [one for one in handlers if one.kind in APPLIES_TO["retry"]]
    outside = _outside(environment, {_plain(one.name) for one in modules} | set(map(_message, handlers)), faults)
    everywhere = _level("", _layer(application, "the application", faults), outside, faults)
    by_module = {
        one.name: _level(_plain(one.name), _layer(one.policies, f"module {one.name}", faults), outside, faults)
        for one in modules
    }
    found: dict[Handler, Settings] = {}
    for handler in handlers:
        said = {name: value for name, value in handler.options.items() if name in _CLASSES}
        own = _level(_message(handler), _layer(said, handler.id, faults), outside, faults)
        layers = [*own, *by_module[handler.module], *everywhere]
        found[handler] = {
            name: _nearest(name, saying, own)
            for name in _CLASSES
            if (saying := [one for one in layers if name in one.values])
        }
    return found, [*faults, *_set_in_two_ways(found)]


def _nearest(part: str, saying: Sequence[_Layer], own: Sequence[_Layer]) -> Setting:
    """What holds of a part, of all layers that say something of it, the nearest first; some are a handler's own."""
    nearest, *others = saying
    value = nearest.values[part]
    differing = (one for one in others if one.is_outside and one.values[part] != value)
    farther = None if nearest.is_outside else next(differing, None)
    instead_of = "" if farther is None else f"{farther.source[:-1]}{part.upper()}*"
    source = nearest.sources.get(part, nearest.source)
    return Setting(value, source, instead_of, is_own=any(nearest is one for one in own))


def _set_in_two_ways(found: Mapping[Handler, Settings]) -> Iterator[Fault]:
    """Parts that several messages share by a name, and that these set differently."""
    first: dict[tuple[str, str], tuple[Handler, Setting]] = {}
    for handler, settings in found.items():
        for part, setting in settings.items():
            name = getattr(setting.value, "name", None)
            if name is None:
                continue
            other, known = first.setdefault((part, name), (handler, setting))
            if known.value != setting.value:
                text = f"shares the {part} {name!r} with {other.id}, which sets it differently ({known.source})"
                hint = "set both alike, or give them names of their own"
                yield Fault(where=handler.id, code="wrong_setting", text=text, hint=hint)


def _layer(said: Mapping[str, Any], source: str, faults: list[Fault]) -> _Layer:
    values: dict[str, Any] = {}
    for name, value in said.items():
        try:
            values[name] = None if value is None else _CLASSES[name].of(value)
        except WiringError as error:
            faults.append(Fault(where=source, code="wrong_setting", text=f"says {name}= wrongly: {error}"))
    return _Layer(values, source)


def _level(scope: str, code: _Layer, outside: Mapping[str, _Variables], faults: list[Fault]) -> list[_Layer]:
    """What the environment makes of what the code says at one place, and what the code says there."""
    return [_changed(outside.get(scope, _Variables()), code, faults), code]


def _changed(variables: _Variables, code: _Layer, faults: list[Fault]) -> _Layer:
    prefix, texts = variables.prefix, variables.texts
    off = {name: part for name in texts if (part := _switched_off(name, texts[name], prefix))}
    said = {name: text for name, text in texts.items() if name not in off}
    try:
        values = {**_values(settings_from(said, prefix, code.values)), **dict.fromkeys(off.values())}
    except WiringError as error:
        fault = Fault(where="the environment", code="wrong_setting", text=str(error))
        if fault not in faults:
            faults.append(fault)
        return _NOTHING
    sources: dict[str, str] = {}
    for part, value in values.items():
        whole = value is None or code.values.get(part) is None
        beginning = f"{prefix}{part}".lower()
        names = [one for one in texts if one.lower() == beginning or one.lower().startswith(f"{beginning}_")]
        sources[part] = ", ".join(([] if whole else [code.source]) + sorted(names))
    return _Layer(values, f"{prefix}*", is_outside=True, sources=sources)


def _outside(environment: Mapping[str, str], scopes: set[str], faults: list[Fault]) -> dict[str, _Variables]:
    """The variables of the environment, by module or message; under the empty name those for all of them."""
    prefixes = {"": _PREFIX}
    texts: dict[str, dict[str, str]] = {"": {}}
    for name, text in environment.items():
        scoped = _SCOPED.fullmatch(name)
        scope = "" if scoped is None else scoped[2].lower()
        prefixes.setdefault(scope, "" if scoped is None else scoped[1])
        texts.setdefault(scope, {})[name] = text
    variables = {scope: _Variables(prefixes[scope], named) for scope, named in texts.items()}
    for scope, one in variables.items():
        if scope and scope not in scopes and _changed(one, _NOTHING, faults).values:
            near = difflib.get_close_matches(scope, scopes, n=1)
            text = f"sets {one.prefix}*, and there is no message or module {scope!r}"
            hint = f"did you mean {near[0]}?" if near else "`twofold describe` lists them"
            faults.append(Fault(where="the environment", code="wrong_setting", text=text, hint=hint))
    faults += filter(None, (_misspelt(name, scopes) for name in environment))
    return variables


def _switched_off(name: str, text: str, prefix: str) -> str | None:
    """The part that a variable switches off, as `TWOFOLD_RETRY=off`; None for one that does not."""
    part = name[len(prefix) :].lower()
    return part if part in _CLASSES and text.strip().lower() == "off" else None


def _misspelt(name: str, scopes: set[str]) -> Fault | None:
    """A fault for a variable that nobody reads, where it is clear what it was to set."""
    rest = name[len(_PREFIX) :].lower()
    scope, apart, said = rest.rpartition("__")
    if any(said == part or said.startswith(f"{part}_") for part in _CLASSES):
        return None
    behind = [one for one in scopes if rest.startswith(f"{one}_")]
    meant = [f"{one}__{rest[len(one) + 1 :]}" for one in behind if rest[len(one) + 1 :].startswith(tuple(_CLASSES))]
    if not meant:
        near = [part for part in _CLASSES if _resembles(said, part)]
        meant = [f"{scope}{apart}{one}" for one in near]
    if not meant and scope not in scopes:
        return None
    names = ", ".join(f"{_PREFIX}{one.upper()}" for one in meant or [f"{scope}{apart}{one}" for one in _CLASSES])
    text = f"sets {name}, which nobody reads"
    return Fault(where="the environment", code="wrong_setting", text=text, hint=f"did you mean {names}?")


def _resembles(said: str, part: str) -> bool:
    """Whether a text begins nearly like the name of a part."""
    beginnings = (said[:length] for length in (len(part) - 1, len(part), len(part) + 1))
    return any(difflib.SequenceMatcher(None, one, part).ratio() >= _NEAR for one in beginnings)


def _values(settings: Reliability) -> dict[str, Any]:
    values = {one.name: getattr(settings, one.name) for one in fields(settings)}
    return {name: value for name, value in values.items() if value is not None}


def _message(handler: Handler) -> str:
    return _plain(wire_name(handler.message_type).name)


def _plain(name: str) -> str:
    """A name as a variable of the environment can have it."""
    return re.sub(r"\W+", "_", name).lower()


_NOTHING: Final = _Layer({}, "")
