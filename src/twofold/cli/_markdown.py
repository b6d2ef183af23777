"""The catalogue of an application as a page of Markdown."""

from collections.abc import Iterator, Sequence

from twofold.app.catalogue import Catalogued, Field, Part


def as_markdown(name: str, parts: Sequence[Part]) -> Iterator[str]:
    """The lines of the page.

    Args:
        name: What the application is called.
        parts: Its catalogue.
    """
    yield f"# {name}"
    for part in parts:
        yield f"\n## {part.module or 'Events'}"
        for message in part.messages:
            yield from _message(message)


def _message(message: Catalogued) -> Iterator[str]:
    yield f"\n### {message.name}\n"
    version = f", version {message.version}" if message.version > 1 else ""
    handled = f", handled by `{message.handler}`" if message.handler else ""
    yield f"{message.kind.capitalize()}{version}, `{message.cls}`{handled}."
    if message.deprecated:
        yield "\n**Deprecated**: it will go."
    if message.text:
        yield f"\n{message.text}"
    if message.fields:
        yield "\n| field | type | holds | default | |\n|---|---|---|---|---|"
        yield from map(_row, message.fields)
    facts = [*_facts(message), *((one.part, f"`{one.value}`, by {one.source}") for one in message.settings)]
    if facts:
        yield ""
        for what, text in facts:
            yield f"- {what}: {text}"


def _facts(message: Catalogued) -> Iterator[tuple[str, str]]:
    named = ("answers", message.answers), ("refuses with", message.refuses), ("over HTTP", message.route)
    yield from ((what, f"`{text}`") for what, text in named if text)
    lists = (
        ("may be caused by", message.caused_by),
        ("may cause", message.causes),
        ("followed by", message.followed_by),
    )
    yield from ((what, ", ".join(f"`{name}`" for name in names)) for what, names in lists if names)


def _row(field: Field) -> str:
    holds = [*field.limits, *(["secret"] if field.secret else [])]
    if field.filled_by:
        holds.append(f"filled from the {field.filled_by.replace('_', ' ')} of who sends it")
    default = f"`{_cell(field.default)}`" if field.default else "required" if field.required else "nothing"
    cells = f"`{_cell(field.name)}`", _cell(field.type), _cell("; ".join(holds)), default, _cell(field.text)
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """A text that stays in its cell."""
    return " ".join(text.split()).replace("|", "\\|")
