"""The forms that events have had, as a file has them, and what a change of one means."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from twofold.errors import WiringError

_FORMAT: Final = 1


class Verdict(StrEnum):
    """What a change means for the events that are in a log already; the worst comes last."""

    COMPATIBLE = "compatible"
    """They are read as they are."""
    NEEDS_UPCASTER = "needs an upcaster"
    """They are not read, or only by chance: somebody has to say what they become."""
    BREAKING = "breaking"
    """Nothing of today reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is not as the snapshot has it.

    Args:
        event: The wire name of the event.
        version: The version of its schema.
        verdict: What that means.
        text: What it is.
        hint: What to do about it.
    """

    event: str
    version: int
    verdict: Verdict
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """An event as it is, or was, stored under one name and version.

    Args:
        examples: Bodies, as JSON.
        schema: Its JSON Schema; None where only the log has shown it.
    """

    examples: tuple[Any, ...] = ()
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The forms that events have had.

    Args:
        forms: By wire name and version.
    """

    forms: Mapping[tuple[str, int], Form] = field(default_factory=dict[tuple[str, int], Form])

    def __str__(self) -> str:
        """The file: the same text for the same forms."""
        events: dict[str, dict[str, Any]] = {}
        for (name, version), form in sorted(self.forms.items()):
            events.setdefault(name, {})[str(version)] = {"schema": form.schema, "examples": form.examples}
        return json.dumps({"format": _FORMAT, "events": events}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        """A snapshot from its file.

        Raises:
            WiringError: It is none.
        """
        try:
            found: Any = json.loads(text)
            if found["format"] != _FORMAT:
                raise WiringError(f"the snapshot has format {found['format']!r}, and this twofold knows {_FORMAT}")
            return cls(
                {
                    (name, int(version)): Form(examples=tuple(form["examples"]), schema=form["schema"])
                    for name, versions in found["events"].items()
                    for version, form in versions.items()
                }
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WiringError(f"this is no snapshot of events: {type(error).__name__}: {error}") from error
