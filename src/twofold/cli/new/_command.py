"""`twofold new command`: a command, what it records, its handler, its route, and tests of all that."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import rich_click as click

from twofold.cli.new._event import NewEvent, add_events
from twofold.cli.new._fields import Field, Import, declared, good, parse, value_imports
from twofold.cli.new._follow import events_in
from twofold.cli.new._known import NotInProject
from twofold.cli.new._names import checked_feature, checked_name
from twofold.cli.new._place import Project
from twofold.cli.new._sheets import Sheets
from twofold.cli.new._source import call, mapping, signature
from twofold.cli.new._words import past, sentence, title, words_of
from twofold.errors import snake_case
from twofold.messages import is_telling


class _Plan(NamedTuple):
    """What is known of a command before anything is written."""

    name: str
    verb: str
    about: tuple[str, ...]
    thing: str
    fields: tuple[Field, ...]

    @property
    def key(self) -> Field:
        """What names the thing: a field of the command, or else what the handler makes."""
        return next((one for one in self.fields if one.name == f"{self.thing}_id"), Field(f"{self.thing}_id", "UUID"))

    @property
    def creates(self) -> bool:
        return self.key not in self.fields

    @property
    def kept(self) -> tuple[Field, ...]:
        """The fields that may be kept."""
        return tuple(one for one in self.fields if not one.is_secret)

    @property
    def judged(self) -> Field:
        """The field that the rule looks at."""
        return next((one for one in self.fields if one != self.key), self.key)

    @property
    def event(self) -> NewEvent:
        fields = (self.key, *self.kept) if self.creates else self.kept
        return NewEvent(title((*self.about, past(self.verb))), fields)

    @property
    def refusal(self) -> str:
        return title((*self.about, "not", past(self.verb)))

    @property
    def states(self) -> list[NewEvent]:
        """The events of its lifecycle."""
        stem = title((*self.about, self.verb))
        fields = (*self.kept, Field("reason", "str"))
        told = ("Attempted", self.kept), ("Succeeded", self.kept), ("Failed", fields)
        return [NewEvent(f"{stem}{state}", fields) for state, fields in told]

    @property
    def why(self) -> str:
        """What the rule says."""
        return f"{self.judged.name} {self.judged.type.why}"

    def stream(self, key: str) -> str:
        """The name of the stream that the thing is in, as it is written."""
        return f'f"{self.thing.replace("_", "-")}-{{{key}}}"'

    def missing(self, key: str) -> str:
        """What is said where there is no such thing."""
        return f"there is no {self.thing.replace('_', ' ')} {{{key}}}"

    def bad(self, field: Field) -> str:
        """The value of a field where the rule refuses the command."""
        return field.type.bad if field == self.judged else field.type.good


def command(project: Project, name: str, words: Iterable[str], feature: str | None, *, critical: bool) -> Sheets:
    """A command.

    Args:
        project: The project.
        name: What it is called: a verb, and what it is about.
        words: Its fields; a `name` unless some are given.
        feature: The feature that it belongs to; by its name unless given.
        critical: Whether three events tell what becomes of it.

    Raises:
        UsageError: The name or a field is none.
    """
    verb, *about = words_of(checked_name(name, "PlaceOrder"))
    if not about and feature is None:
        raise click.UsageError(f"{name} does not say what it is about: Place{name} would, or --feature does")
    inferred, thing = project.feature_for(about or [str(feature)])
    if is_telling(thing):
        thing = verb  # what is named after a secret is taken for one, and would be kept in no event
    fields = parse(words, reserved=("reason",) if critical else ()) or (Field("name", "str"),)
    plan = _Plan(name, verb, tuple(about), thing, fields)
    sheets = Sheets(project, checked_feature(project, feature or inferred))
    event_home = add_events(sheets, snake_case(plan.event.name), [plan.event])
    needed: list[Import] = [(event_home, plan.event.name)]
    if critical:
        states_home = add_events(sheets, f"{'_'.join((*about, verb))}_lifecycle", plan.states)
        needed += [(states_home, one.name) for one in plan.states]
    path = _path(project, sheets.feature, plan)
    module = _add(sheets, plan, path, needed, critical=critical)
    _test(sheets, plan, path, [*needed, (module, name), (module, plan.refusal)], critical=critical)
    return sheets


def _path(project: Project, feature: str, plan: _Plan) -> str:
    """Where it is offered: at what it is about, by its verb."""
    base = f"/{feature}".replace("_", "-") + ("" if plan.creates else f"/{{{plan.key.name}}}")
    others = [one for one in plan.about if one not in plan.thing.split("_")]
    path = f"{base}/{'-'.join((plan.verb, *others))}"
    return f"{base}/{'-'.join((plan.verb, *plan.about))}" if project.offers(path) else path


def _add(sheets: Sheets, plan: _Plan, path: str, needed: Sequence[Import], *, critical: bool) -> str:
    """The command and its handler; the full name of the Python module."""
    door = [f'path="{path}"', *(["status=201"] if plan.creates else [])]
    if critical:
        states = zip(("attempted", "succeeded", "failed"), plan.states, strict=True)
        door.append(f"lifecycle={call('Lifecycle', [f'{state}={one.name}' for state, one in states], 4)}")
    key = plan.key.name if plan.creates else f"command.{plan.key.name}"
    answer, refusals = ("UUID", plan.refusal) if plan.creates else ("None", f"{plan.refusal} | NotFound")
    names = ["Command", "Failure", "Refused", "Result", "Success", "UnitOfWork"]
    more: list[Import] = [
        sheets.module("application"),
        ("dataclasses", "dataclass"),
        *(("twofold", one) for one in (*names, *(() if plan.creates else ("History", "NotFound")))),
    ]
    more += [one for field in plan.fields for one in field.imports]
    if critical:
        more += [("twofold", "Lifecycle")]
    if plan.creates:
        more += [("uuid", "UUID"), ("twofold.clock", "new_id")]
    values = [f"{one.name}={key if one == plan.key else f'command.{one.name}'}" for one in plan.event.fields]
    stream = plan.stream(key)
    return sheets.add(
        "application",
        snake_case(plan.name),
        "command.py.txt",
        [*needed, *more],
        plan.name,
        plan.refusal,
        name=plan.name,
        sentence=sentence(plan.name),
        refusal=plan.refusal,
        refusals=refusals,
        answer=answer,
        answers="; answers its id" if plan.creates else "",
        fields=declared(plan.fields),
        door=call("handler", door),
        signature=signature(
            f"async def {snake_case(plan.name)}",
            [f"command: {plan.name}", "unit: UnitOfWork", *([] if plan.creates else ["history: History"])],
            f"Result[{answer}, {refusals}]",
        ),
        rule=plan.judged.type.rule.format(f"command.{plan.judged.name}"),
        why=plan.why,
        before=f"    {key} = new_id()\n" if plan.creates else _looking(plan, stream, key),
        event=call(plan.event.name, values, 4),
        stream=stream if plan.creates else "stream",
        success=f"Success({key})" if plan.creates else "Success()",
    )


def _looking(plan: _Plan, stream: str, key: str) -> str:
    """What finds out whether there is what a command is about."""
    return (
        f"    stream = {stream}\n"
        "    if not await history.events(stream):\n"
        f'        return Failure(NotFound(f"{plan.missing(key)}"))\n'
    )


def _test(sheets: Sheets, plan: _Plan, path: str, needed: Sequence[Import], *, critical: bool) -> None:
    """Success, refusal and route; of what a command is about also that it has to be there."""
    command = "command" if plan.creates else "COMMAND"
    recorded = plan.event.name if plan.creates else call(plan.event.name, good(plan.kept), 4)
    then, refused, missing = {"recorded": recorded}, {"refused": plan.refusal}, {"refused": "NotFound"}
    if critical:
        attempted, succeeded, failed = plan.states
        bad = [f"{one.name}={plan.bad(one)}" for one in plan.kept]
        reason = f'reason="{snake_case(plan.refusal)}: {plan.why}"'
        told = call(attempted.name, good(plan.kept), 4)
        then = {"attempted": told, **then, "succeeded": call(succeeded.name, good(plan.kept), 4)}
        refused |= {"attempted": call(attempted.name, bad, 4), "failed": call(failed.name, [*bad, reason], 4)}
        reason = f'reason=f"not_found: {plan.missing(f"COMMAND.{plan.key.name}")}"'
        missing |= {"attempted": told, "failed": call(failed.name, [*good(plan.kept), reason], 4)}
    more: list[Import] = [*value_imports(plan.fields), sheets.app, ("httpx", ""), ("pytest", "")]
    values = {
        "sentence": sentence(plan.name),
        "sent": mapping("SENT", {one.name: one.type.sent for one in plan.fields if plan.creates or one != plan.key}),
        "good": call(plan.name, good(plan.fields), 4 if plan.creates else 0),
        "bad": call(plan.name, [f"{one.name}={plan.bad(one)}" for one in plan.fields], 4),
        "but": ", and that is told" if critical else "",
        "recorded": _then(then, command),
        "refused": _then(refused, "command"),
        "url": path.replace(f"{{{plan.key.name}}}", plan.key.type.sent.strip('"')),
        "status": "201" if plan.creates else "204",
    }
    template = "test_command.py.txt"
    if not plan.creates:
        template, (home, begun) = "test_command_about.py.txt", _beginning(sheets, plan, needed)
        more += [(home, begun.name), *value_imports(begun.fields), ("twofold", "Context"), ("twofold", "NotFound")]
        values |= {
            "begun": call(begun.name, good(begun.fields), 4),
            "stream": plan.stream(f"COMMAND.{plan.key.name}"),
            "missing": _then(missing, command),
        }
    sheets.test(snake_case(plan.name), template, [*needed, *more, ("twofold.testing", "given")], **values)


def _beginning(sheets: Sheets, plan: _Plan, needed: Sequence[Import]) -> tuple[str, NewEvent]:
    """An event that something begins with in a test, and where it is: the one that a command with a new id records, or
    another one of the feature; else the command's own.
    """
    project = sheets.project
    making = [text for text in project.texts.values() if " = new_id()" in text]
    fitting: list[tuple[bool, str, NewEvent]] = []
    for one in events_in(project).values():
        with suppress(NotInProject):  # no test can make it
            fields = one.fields()
            if plan.key in fields and project.feature_of(one) == sheets.feature and "_lifecycle" not in one.module:
                made = any(f" = {one.name}(" in text for text in making)
                fitting.append((not made, one.module, NewEvent(one.name, fields)))
    _, home, begun = min(fitting, key=lambda one: one[:2], default=(True, needed[0][0], plan.event))
    return home, begun


def _then(expected: Mapping[str, str], command: str) -> str:
    """What has to come of the command."""
    made = {name: one for name, one in expected.items() if "(" in one}
    lines = [f"    {name} = {one}" for name, one in made.items()]
    names = [name if name in made else one for name, one in expected.items()]
    return "\n".join([*lines, f"    await given(app).when({command}).then({', '.join(names)})"])
