"""The one root of everything twofold raises or returns as a failure."""

from typing import ClassVar

from twofold.errors._category import Category, Family


class TwofoldError(Exception):
    """The root of twofold's errors: facts as attributes, a stable code, and a hint.

    The text is made when it is read, so that an error which is only counted costs nothing.
    Keyword arguments of subclasses are their facts; the positional text is what a business rule says.
    """

    category: ClassVar[Category] = Category.REFUSED
    code: ClassVar[str] = "refused"
    """A stable name for this fact, safe to show to a client and to switch on."""

    @property
    def family(self) -> Family:
        """What the caller should do about it."""
        return self.category.family

    @property
    def hint(self) -> str:
        """One sentence on how to mend it, or an empty string."""
        return ""

    @property
    def detail(self) -> str:
        """What happened, in one sentence, without the hint; safe to show to a client."""
        return str(self.args[0]) if self.args else self.code.replace("_", " ")

    def __str__(self) -> str:
        return f"{self.detail} ({self.hint})" if self.hint else self.detail

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({self.detail!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class Hinted(Exception):
    """Goes before an error of twofold whose hint is said by whoever raises it.

    Args:
        text: What happened.
        hint: What to do about it.
    """

    def __init__(self, text: str, *, hint: str) -> None:
        super().__init__(text)
        self._hint = hint

    @property
    def hint(self) -> str:
        """What to do about it."""
        return self._hint


def _rebuild(cls: type[TwofoldError], args: tuple[object, ...], facts: dict[str, object]) -> TwofoldError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(facts)
    return error
