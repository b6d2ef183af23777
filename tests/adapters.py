"""What libraries make of a class is made once in a process, and not by each application that a test puts together.

It is the same for every application, and takes up to half of the time that putting one together does. All else is done
anew by each of them: who asks for it, what of it is refused, and whatever else an application does with its classes.
"""

import json
from functools import cache
from types import CodeType
from typing import Any

from dishka.code_tools import code_builder
from pydantic import TypeAdapter

from twofold.dispatch import _answer_codec
from twofold.messages import _type

_MADE = dict[tuple[object, ...], "_Adapter"]()
_CODE = dict[str, CodeType]()


def make_once() -> None:
    """From now on, in this process."""
    _type.TypeAdapter = _answer_codec.TypeAdapter = _made  # type: ignore[assignment, attr-defined]  # called only
    code_builder.compile = _compiled  # type: ignore[attr-defined]  # which it finds before the built-in one


def _made(of: Any, **settings: Any) -> TypeAdapter[Any]:
    """The adapter of a type; that of one which a test makes for itself ends with the test.

    Types that are equal need not be the same: a union may be written in another order.
    """
    settings["_parent_depth"] = 3
    words = repr(of)
    if "<locals>" in words:
        return TypeAdapter(of, **settings)
    key = (of, words, "config" in settings)  # there is but one
    if key not in _MADE:
        _MADE[key] = _Adapter(of, **settings)
    return _MADE[key]


class _Adapter(TypeAdapter[Any]):  # type: ignore[misc]  # whoever inherits from it says so
    """One whose JSON Schema is made once, too; whoever asks has one of their own."""

    def json_schema(self, **options: Any) -> dict[str, Any]:
        schema: dict[str, Any] = json.loads(self._written(**options))
        return schema

    @cache  # noqa: B019  # both are kept until the process ends
    def _written(self, **options: Any) -> str:
        return json.dumps(super().json_schema(**options))


def _compiled(source: str, file: str, mode: str) -> CodeType:
    """Whoever writes the code gives each file another name, also where it says the same."""
    code = _CODE.get(source)
    if code is None:
        code = _CODE[source] = compile(source, file, mode)
    return code
