"""How messages lead to each other in an application, as plain data: for a picture, or for a check of one's own.

Who follows an event is declared. What a command records, and what a handler sends, is declared by lifecycles and by
what deciders answer, and else read off the code: a line says that it may.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, get_args, get_type_hints

from twofold.app._app import App
from twofold.app._mentioned import mentioned_by, mentioned_by_handler
from twofold.app._views import views_of
from twofold.dispatch import Handler, filling, named_classes
from twofold.messages import Kind, wire_name

What: TypeAlias = Literal["command", "query", "event", "reaction", "projection", "view", "writer", "relay", "inbox"]
"""What a node is."""

Verb: TypeAlias = Literal["records", "sends", "is followed by", "is read by"]
"""How one node leads to another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Something that messages come from or lead to.

    Args:
        id: Unique in the graph.
        what: What it is.
        name: What it is called.
        detail: The handler of a message, the module of a reaction and whether it is local, the mode of a projection.
    """

    id: str
    what: What
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One leads to the other.

    Args:
        start: The id of the first node.
        end: That of the second.
        verb: How.
    """

    start: str
    end: str
    verb: Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """An application as nodes and edges, both in a stable order."""

    app: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as dictionaries and lists, ready for JSON."""
        return asdict(self)


def graph_of(app: App) -> Graph:
    """How messages lead to each other.

    Args:
        app: The application; it need not be running.

    Raises:
        StartError: It is not sound.
    """
    _ = app.assembly
    drawing = _Drawing(app)
    drawing.draw()
    return Graph(app=app.name, nodes=tuple(drawing.nodes.values()), edges=tuple(drawing.edges))


@dataclass
class _Drawing:
    app: App
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    edges: dict[Edge, None] = field(default_factory=dict[Edge, None])

    def draw(self) -> None:
        """Everything, commands first."""
        handlers = sorted(self.app.router.handlers(), key=lambda one: (one.kind, _name(one.message_type), one.id))
        deciding = dict(self._decided())
        for one in handlers:
            if one.kind is Kind.COMMAND:
                command = self._message(one.message_type)
                self._caused(command, _told(one) | (deciding.get(one.message_type) or self._mentioned(one)))
        for one in handlers:
            if one.kind is Kind.EVENT:
                where = "" if one.following.durable else ", local"
                reaction = self._node("reaction", one.id, one.name, f"module {one.module}{where}")
                self._edge(self._message(one.message_type), reaction, "is followed by")
                self._caused(reaction, self._mentioned(one))
        self._readers()
        for one in handlers:
            for name in one.reads or ():
                what = "view" if f"view:{name}" in self.nodes else "projection"
                self._edge(f"{what}:{name}", self._message(one.message_type), "is read by")

    def _readers(self) -> None:
        assembly = self.app.assembly
        for projection in assembly.projections:
            self._follow(self._node("projection", projection.name, projection.name, projection.mode), projection.events)
        for view in views_of(self.app.modules):
            self._follow(self._node("view", view.name, view.name), view.refresh_on)
        for writer in assembly.writers:
            self._follow(self._node("writer", writer.name, writer.name), writer.events)
        for one in assembly.publications:
            self._follow(self._node("relay", one.to, one.to), one.kinds)
        for consumption in assembly.consumptions:
            self._caused(self._node("inbox", consumption.place, consumption.place), consumption.kinds)

    def _follow(self, node: str, events: Iterable[type]) -> None:
        for event in sorted(events, key=_name):
            self._edge(self._message(event), node, "is followed by")

    def _caused(self, node: str, messages: Iterable[type]) -> None:
        for cls in sorted(messages, key=_name):
            event = self.app.router.catalogue.of(cls).kind is Kind.EVENT
            self._edge(node, self._message(cls), "records" if event else "sends")

    def _mentioned(self, handler: Handler) -> frozenset[type]:
        """What a handler's code names beside what it handles, under every registration of it."""
        own = {one.message_type for one in self.app.router.handlers() if one.id == handler.id}
        return mentioned_by_handler(handler, self._caused_kinds()) - own

    def _caused_kinds(self) -> frozenset[type]:
        return frozenset(kind.cls for kind in self.app.router.catalogue if kind.kind is not Kind.QUERY)

    def _decided(self) -> Iterator[tuple[type, frozenset[type]]]:
        """What deciders say that they answer, or name, by command."""
        for module in self.app.modules:
            for declaration in module.deciders:
                decide: Any = declaration.decider.decide
                kinds = self._caused_kinds()
                answers = frozenset(_classes(get_type_hints(decide).get("return"))) & kinds
                commands = named_classes(decide, 0, decide.__qualname__)
                caused = (answers or mentioned_by(decide, kinds)) - {*commands}
                yield from ((command, caused) for command in commands)

    def _message(self, cls: type) -> str:
        kind = self.app.router.catalogue.of(cls)
        handlers = [] if kind.kind is Kind.EVENT else self.app.router.handlers(cls)
        detail = handlers[0].id if handlers else ""
        return self._node(kind.kind.value, kind.name, kind.name, detail)

    def _node(self, what: What, key: str, name: str, detail: str = "") -> str:
        identity = f"{what}:{key}"
        self.nodes.setdefault(identity, Node(id=identity, what=what, name=name, detail=detail))
        return identity

    def _edge(self, start: str, end: str, verb: Verb) -> None:
        self.edges[Edge(start=start, end=end, verb=verb)] = None


def _name(cls: type) -> str:
    return wire_name(cls).name


def _told(handler: Handler) -> frozenset[type]:
    """The events that a lifecycle tells of a command."""
    states = (filling(handler, state) for state in ("attempted", "succeeded", "failed"))
    return frozenset(one.event for one in states if one is not None)


def _classes(hint: Any) -> Iterator[type]:
    """All classes that a type is made of."""
    if isinstance(hint, type) and not get_args(hint):
        yield hint
    for one in get_args(hint):
        yield from _classes(one)
