"""Faults in defaults that can be changed: what is written of one aggregate or decision would be that of all."""

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

from twofold.errors import Fault

_OF_THE_CLASS: Final = re.compile(r"(typing\.|t\.)?(ClassVar|Final)\b")


def default_faults(kind: type[Any]) -> Iterator[Fault]:
    """The attributes of a class whose value all that are made of it would share, as dataclasses refuse them.

    What is a `ClassVar` or `Final`, or is written in capitals, is meant for the class.

    Args:
        kind: The class.
    """
    told = set[str]()
    for owner in inspect.getmro(kind):
        for name, value in list(vars(owner).items()):
            if name in told or name.startswith("__") or name.isupper():
                continue
            told.add(name)
            if type(value).__hash__ is None and not _is_of_the_class(owner, name):
                made = type(value).__name__
                yield Fault(
                    where=f"{kind.__module__}.{kind.__qualname__}",
                    code="shared_default",
                    text=f"has the default {name} = {value!r:.40}, a {made} that all of them would share",
                    hint=f"make it in __init__, or in a dataclass by field(default_factory={made});"
                    " annotate it as ClassVar if it is for all",
                )


def _is_of_the_class(owner: type, name: str) -> bool:
    hint = inspect.get_annotations(owner).get(name)
    said = hint if isinstance(hint, str) else repr(hint)
    return _OF_THE_CLASS.match(said) is not None
