"""A command that is followed by a message: in a shell it offers the fields of that message beside its own options."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from typing import ClassVar

import rich_click as click
from click.shell_completion import CompletionItem

from twofold.app import locate
from twofold.app.sending import sendable
from twofold.cli._completion import whole
from twofold.cli._typed import flag_of, own_names
from twofold.messages import Kind


class MessageCommand(click.RichCommand):
    """One of them."""

    kind: ClassVar[Kind]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What a word may be that was begun: its own options, and fields that were not typed yet."""
        own = super().shell_complete(ctx, incomplete)
        return [*own, *(one for one in self._fields(ctx) if one.value.startswith(incomplete))]

    def _fields(self, context: click.Context) -> Iterator[CompletionItem]:
        """The fields of the message that was typed; none where there is none, or it cannot be told which."""
        words = whole(context.params.get("words") or ())
        *apps, name = takewhile(lambda word: not word.startswith("-"), ["", *words])
        target = apps[-1] if len(apps) > 1 else context.params.get("target")
        if target is None or not name:
            return
        with suppress(Exception):  # a prompt is no place to say why
            wanted = sendable(locate(target), name, self.kind)
            taken = own_names(self)
            for field in wanted.fields:
                flag = flag_of(field.name)
                if field.name not in taken and not field.filled_by and flag not in words:
                    yield CompletionItem(flag, help=field.text or field.type)


class SendCommand(MessageCommand):
    """`twofold send`."""

    kind = Kind.COMMAND


class AskCommand(MessageCommand):
    """`twofold ask`."""

    kind = Kind.QUERY
