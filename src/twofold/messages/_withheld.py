"""What an upcaster is given in the place of personal data that is erased, and what its answer is made of then.

An upcaster was written for data, so it goes on with what stands for it: a part of it, or a text with it, is erased too.
What cannot go on (a loop, a length, a number made of it) raises, and nothing is made up in its place.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn, cast, final

from twofold.messages._erased import ERASED, Erased, is_erased

_TEXT: Final = f"\x00{ERASED}\x00"
"""What a text has where erased data was put into it."""


@final
class Withheld(Erased):
    """Erased data, for an upcaster: an `Erased` to whoever asks, false, and erased whatever is done with it."""

    __slots__ = ()

    def __new__(cls) -> "Withheld":
        return object.__new__(cls)

    def __str__(self) -> str:
        return _TEXT

    def __format__(self, spec: str) -> str:
        return _TEXT

    def __getattr__(self, name: str) -> "Withheld":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: object, **__: object) -> "Withheld":
        return self

    def __getitem__(self, _: object) -> "Withheld":
        return self

    def __iter__(self) -> NoReturn:
        raise TypeError("it is erased, so nobody knows what it consists of")

    def __contains__(self, _: object) -> NoReturn:
        raise TypeError("it is erased, so nobody knows what is in it")

    def partition(self, _: str) -> "tuple[Withheld, Withheld, Withheld]":
        """Three parts, as of a text."""
        return self, self, self

    rpartition = partition
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = __call__
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __call__


def withheld(data: Any) -> tuple[str, ...]:
    """Put what an upcaster can go on with into the fields of an event that are erased; which ones these are."""
    if not isinstance(data, dict):
        return ()
    fields = cast("dict[str, Any]", data)
    erased = tuple(name for name, value in fields.items() if is_erased(value))
    for name in erased:
        fields[name] = Withheld()
    return erased


def as_erased(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an event as JSON has them: erased as a whole where anything in one was made of erased data."""
    return {name: {ERASED: True} if _is_made_of_it(value) else value for name, value in data.items()}


def _is_made_of_it(value: Any) -> bool:
    if isinstance(value, str):
        return _TEXT in value
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value)
        return any(_is_made_of_it(one) for member in members.items() for one in member)
    if isinstance(value, list | tuple | set | frozenset):
        return any(_is_made_of_it(one) for one in cast("Iterable[Any]", value))
    return isinstance(value, Erased)
