"""What can be seen without a database: the faults of an application and its routes, and what will hurt one day."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import BaseModel

from twofold.app._app import App
from twofold.app._form import docstring_of
from twofold.app.diagnosis._diagnosis import Diagnosis, warning
from twofold.app.diagnosis._names import oddity, stem_of
from twofold.app.erasing import followers
from twofold.dispatch import APPLIES_TO, Lifecycle
from twofold.errors import Fault, MissingExtraError
from twofold.messages import Kind, MessageType
from twofold.store import RevealingStore

_NAMED: Final = 5
_SENT: Final = ("API documents, the catalogue and the command line", "say in a sentence what it is for")
_DOCUMENTED: Final = {
    Kind.COMMAND: _SENT,
    Kind.QUERY: _SENT,
    Kind.EVENT: ("the catalogue", "say in a sentence what has happened"),
}
"""Where docstrings of messages are shown, and what they are to say."""


def look_at(app: App) -> list[Diagnosis]:
    """Look at how an application is declared; nothing is opened.

    Args:
        app: The application; it need not be running.

    Returns:
        Its faults, and what else there is to say: of its messages and lifecycles always, of the rest when it has no
        fault.
    """
    found, later = _faults(app)
    faults = [one for one in found if one not in app.brokerless]
    own = [kind for kind in app.router.catalogue if not kind.cls.__module__.startswith("twofold.")]
    return [
        *map(Diagnosis.of, faults),
        *(warning(one.where, one.code, one.text, one.hint) for one in (*found, *later) if one not in faults),
        *(one for kind in own for one in _of_message(kind)),
        *_odd_names(own),
        *_attempts(app, own),
        *_lifecycles(app),
        *([] if faults else (*_unguarded(app), *_remembering(app), *_passed_over(app))),
    ]


def _faults(app: App) -> tuple[list[Fault], list[Fault]]:
    """The faults of an application and, where it can be served, of its routes; and what those will hurt by one day."""
    try:
        served = app.http()
    except MissingExtraError:  # then `twofold run` says what is missing
        return app.check(), []
    return served.state.declared_faults(), served.state.warnings()


def _of_message(kind: MessageType[Any]) -> Iterator[Diagnosis]:
    cls, where = kind.cls, kind.cls.__qualname__
    if not _is_frozen(cls):
        model = issubclass(cls, BaseModel)
        hint = "model_config = ConfigDict(frozen=True)" if model else "@dataclass(frozen=True, kw_only=True)"
        yield warning(where, "mutable_message", "can be changed while it is handled", hint)
    if not docstring_of(cls):
        shown, said = _DOCUMENTED[kind.kind]
        yield warning(where, "undocumented_message", f"has no docstring, which {shown} would show", said)


def _odd_names(own: Sequence[MessageType[Any]]) -> Iterator[Diagnosis]:
    """Of all but those that others are derived from: nobody sends or records them."""
    bases = {base for kind in own for base in kind.cls.__mro__[1:]}
    for kind in own:
        if kind.cls not in bases and (odd := oddity(kind.cls, kind.kind)):
            yield warning(kind.cls.__qualname__, "odd_name", *odd)


def _is_frozen(cls: type) -> bool:
    of_dataclass: Any = getattr(cls, "__dataclass_params__", None)
    if issubclass(cls, BaseModel):
        return bool(cls.model_config.get("frozen"))
    return of_dataclass is not None and bool(of_dataclass.frozen)


def _attempts(app: App, own: Sequence[MessageType[Any]]) -> Iterator[Diagnosis]:
    """Events that say by their names that something was attempted, and none says how that has ended."""
    events = [kind.cls for kind in own if kind.kind is Kind.EVENT]
    told = {ending: {stem_of(cls, ending) for cls in events} for ending in ("succeeded", "failed")}
    by_lifecycle = {cls for _, lifecycle in _declared(app) for cls in lifecycle.events()}
    for cls in events:
        stem = stem_of(cls, "attempted")
        missing = [ending for ending, stems in told.items() if stem not in stems]
        if stem and missing and cls not in by_lifecycle:
            name = cls.__name__.removesuffix("Attempted")
            names = " and ".join(f"{name}{ending.capitalize()}" for ending in missing)
            text = f"is told, and nothing tells that it has {' or '.join(missing)}"
            hint = f"record {names} too, or declare a Lifecycle"
            yield warning(cls.__qualname__, "endless_attempt", text, hint)


def _declared(app: App) -> Iterator[tuple[str, Lifecycle]]:
    """The lifecycles of handlers, by their ids."""
    for handler in app.router.handlers():
        lifecycle = handler.options.get("lifecycle")
        if isinstance(lifecycle, Lifecycle):
            yield handler.id, lifecycle


def _lifecycles(app: App) -> Iterator[Diagnosis]:
    for handler, lifecycle in _declared(app):
        missing = [state for state in ("succeeded", "failed") if getattr(lifecycle, state) is None]
        if lifecycle.attempted is not None and missing:
            text = f"tells what is attempted, and not what has {' or '.join(missing)}"
            hint = "with all three each attempt has one end, also when its process dies"
            yield warning(handler, "endless_attempt", text, hint)


def _unguarded(app: App) -> Iterator[Diagnosis]:
    """Where anybody is told apart, everything that nobody says a policy of is a decision that nobody has taken."""
    declared = app.assembly.authorization.declared
    if app.said.guarded or not (declared or app.authenticates):
        return
    handlers = [one for one in app.router.handlers() if one.kind in APPLIES_TO["authorize"] and one not in declared]
    if handlers:
        names = [app.router.catalogue.of(one.message_type).name for one in handlers]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        text = f"lets everybody send what has no policy: {', '.join(names[:_NAMED])}{more}"
        hint = 'App(authorization="required") has each of them say who may, if only twofold.public'
        yield warning(app.name, "unguarded", text, hint)


def _passed_over(app: App) -> Iterator[Diagnosis]:
    reliability = app.assembly.reliability
    if reliability is None:
        return
    for variable, sources in reliability.passed_over.items():
        text = f"does not reach what is set nearer, at {', '.join(sources)}"
        hint = "`twofold explain` says what holds for a message; TWOFOLD_<MESSAGE>__* is the nearest"
        yield warning(variable, "passed_over", text, hint)


def _remembering(app: App) -> Iterator[Diagnosis]:
    if isinstance(app.store, RevealingStore):
        for name in followers(app)[1]:
            text = "has personal data, and is not told when a subject is erased"
            yield warning(name, "remembers_erased", text, "give it a method for SubjectErased that forgets them")
