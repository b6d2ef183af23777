"""What differs between what a test expects and what it got, event by event and field by field, for people to read.

An expectation may be a class, which stands for whatever is in its instances; and a field of it may be anything that
compares equal, such as `unittest.mock.ANY`.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Final, cast

from twofold.result import Failure, Result

_WIDEST: Final = 400


def agrees(expected: object, got: object) -> bool:
    """Whether something is what is expected."""
    if isinstance(expected, type):
        return isinstance(got, expected)
    if type(expected) is not type(got):
        return bool(expected == got)
    fields = fields_of(expected)
    return bool(expected == got) if fields is None else not any(_fields(fields, fields_of(got) or {}))


def refusal_of(expected: Sequence[object]) -> tuple[object | None, list[object]]:
    """Of what is expected the refusal, or None, and the rest: an exception, its class, or a `Failure` is a refusal.

    Raises:
        ValueError: There are several refusals.
    """
    refusals: list[Any] = [one for one in expected if _refuses(one)]
    if len(refusals) > 1:
        raise ValueError(f"a command is refused once, and {len(refusals)} refusals are expected")
    rest = [one for one in expected if not _refuses(one)]
    refusal: object | None = refusals[0] if refusals else None
    return (cast("Failure[object]", refusal).error if isinstance(refusal, Failure) else refusal), rest


def outcome_differences(refusal: object | None, result: Result[Any, Any]) -> Iterator[str]:
    """What differs in what came of a decision, line by line; nothing when it is as expected.

    Args:
        refusal: What it is expected to be refused with; None for not at all.
        result: What it answered.
    """
    if refusal is None and result.is_failure:
        yield f"it was refused: {_shown(result.error)}"
    elif refusal is not None and result.is_success:
        yield f"it was accepted, and expected to be refused: {_shown(refusal)}"
    elif refusal is not None and not agrees(refusal, result.error):
        yield f"it was refused with {_shown(result.error)}"
        yield f"       expected {_shown(refusal)}"
        yield from _compared(refusal, result.error)


def event_differences(expected: Sequence[object], got: Sequence[object]) -> Iterator[str]:
    """What differs between events, line by line; nothing when they are as expected, in this order."""
    if len(expected) == len(got) and all(map(agrees, expected, got)):
        return
    before, after = [_name(one) for one in expected], [_name(one) for one in got]
    for tag, first, end, start, stop in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            for number, (wanted, found) in enumerate(zip(expected[first:end], got[start:stop], strict=True), start + 1):
                same = agrees(wanted, found)
                yield f"{number}. {_name(found)}{'' if same else ' differs'}"
                yield from () if same else _compared(wanted, found)
        else:
            yield from (
                f"{number + 1}. came, and was not expected: {_shown(got[number])}" for number in range(start, stop)
            )
            yield from (f"-  did not come: {_shown(one)}" for one in expected[first:end])


def answer_differences(expected: object, got: object) -> Iterator[str]:
    """What differs between two answers, line by line."""
    if not agrees(expected, got):
        yield f"it answered {_shown(got)}"
        yield f"   expected {_shown(expected)}"
        yield from _compared(expected, got)


def field_lines(expected: dict[str, Any], got: dict[str, Any]) -> Iterator[str]:
    """The fields that differ, both values below each other."""
    for name, wanted, found in _fields(expected, got):
        yield f"     {name}: expected {_shown(wanted)}"
        yield f"     {' ' * len(name)}  got      {_shown(found)}"


def mismatch(given: Sequence[object], when: object | None, differences: Sequence[str]) -> AssertionError:
    """The error of a test whose expectations were not met."""
    parts = [("given", [_shown(one) for one in given]), ("when ", [] if when is None else [_shown(when)])]
    lines = ["what came is not what was expected"]
    for head, part in [*parts, ("then ", differences)]:
        lines += [f"  {'     ' if number else head} {line}" for number, line in enumerate(part)]
    return AssertionError("\n".join(lines))


def fields_of(value: object) -> dict[str, Any] | None:
    """The fields that tell two objects of a class apart; None when only they themselves can."""
    if isinstance(value, BaseException):
        public = {name: found for name, found in vars(value).items() if not name.startswith("_")}
        return {"text": str(value), **public}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    names = getattr(type(value), "model_fields", None)
    return None if names is None else {name: getattr(value, name) for name in names}


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


_MISSING: Final = _Missing()


def _fields(expected: dict[str, Any], got: dict[str, Any]) -> Iterator[tuple[str, object, object]]:
    for name in dict.fromkeys([*expected, *got]):
        wanted, found = expected.get(name, _MISSING), got.get(name, _MISSING)
        if not bool(wanted == found):
            yield name, wanted, found


def _compared(expected: object, got: object) -> Iterator[str]:
    before, after = fields_of(expected), fields_of(got)
    if before is not None and after is not None and type(expected) is type(got):
        yield from field_lines(before, after)


def _refuses(one: object) -> bool:
    return isinstance(one, BaseException | Failure) or (isinstance(one, type) and issubclass(one, BaseException))


def _name(one: object) -> str:
    return one.__qualname__ if isinstance(one, type) else type(one).__qualname__


def _shown(one: object) -> str:
    text = f"any {_name(one)}" if isinstance(one, type) else one if isinstance(one, _Told) else repr(one)
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"


class _Told(str):
    """A text that is shown as it is."""

    __slots__ = ()


def told(text: str) -> object:
    """Something that is shown in an error as this text."""
    return _Told(text)
