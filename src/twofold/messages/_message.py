"""The base classes of messages. They add typing and validation settings, and no behaviour.

pydantic reads `__pydantic_config__` off dataclasses and `model_config` off models.

`execute` gives `Result[R, E]` because `R` and `E` ride on the message, so neither a bus nor a handler repeats them.
"""

from typing import Any, ClassVar, Generic

from pydantic import ConfigDict
from typing_extensions import TypeVar

from twofold.errors import TwofoldError

R = TypeVar("R", covariant=True, default=Any)
E = TypeVar("E", covariant=True, default=TwofoldError)

PLAIN = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="strings")
"""What comes back from JSON as it was: bytes, and numbers that JSON does not have where a class allows them."""

_CONFIG = ConfigDict({**PLAIN, "revalidate_instances": "always", "extra": "forbid", "allow_inf_nan": False})
_EVENT_CONFIG = ConfigDict({**_CONFIG, "extra": "ignore"})


class Command(Generic[R, E]):
    """A wish to change state, answered with an `R`.

    Type Parameters:
        R: What its handler answers; None when there is nothing to say.
        E: The errors of its own it may be refused with; twofold's family unless narrowed.

    Example:
        >>> @dataclass(frozen=True, kw_only=True)
        ... class OpenAccount(Command[UUID]):
        ...     owner: str
    """

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG
    model_config: ClassVar[ConfigDict] = _CONFIG


class Query(Generic[R, E]):
    """A question, answered with an `R` and without changing anything.

    Type Parameters:
        R: What its handler answers.
        E: The errors of its own it may be refused with; twofold's family unless narrowed.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG
    model_config: ClassVar[ConfigDict] = _CONFIG


class Event:
    """Something that happened; its name is in the past tense."""

    __pydantic_config__: ClassVar[ConfigDict] = _EVENT_CONFIG
    model_config: ClassVar[ConfigDict] = _EVENT_CONFIG
