"""A graph of an application as text that Mermaid draws, and as an SVG of our own that needs nothing to be looked at."""

from collections.abc import Iterator
from html import escape
from typing import Final

from twofold.app.graph import Graph, Node
from twofold.cli._layers import layers_of

_FILLS: Final = {
    "command": "#cfe3ff",
    "query": "#d5f0d5",
    "event": "#ffe1b3",
    "reaction": "#e6d5f5",
    "projection": "#d5f0d5",
    "view": "#d5f0d5",
    "writer": "#e3e3e3",
    "relay": "#e3e3e3",
    "inbox": "#e3e3e3",
}
"""As people colour their notes on a wall: commands blue, events orange, policies lilac, read models green."""
_SHAPES: Final = {
    "event": ("([", "])"),
    "projection": ("[(", ")]"),
    "view": ("[(", ")]"),
    "writer": ("[(", ")]"),
    "reaction": ("{{", "}}"),
    "relay": (">", "]"),
    "inbox": ("[/", "/]"),
}
_ARROW: Final = """<marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">\
<path d="M0 0L8 4L0 8z" fill="#666"/></marker>"""
_MARKS: Final = str.maketrans({"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;"})
_LETTER: Final = 7
_HEIGHT, _ROW, _GAP, _MARGIN = 44, 62, 90, 20


def as_mermaid(graph: Graph) -> Iterator[str]:
    """The lines of a Mermaid flowchart."""
    yield "flowchart LR"
    numbers = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        before, behind = _SHAPES.get(node.what, ("[", "]"))
        yield f'    {numbers[node.id]}{before}"{_quoted(node.name)}"{behind}:::{node.what}'
    for edge in graph.edges:
        yield f"    {numbers[edge.start]} -->|{edge.verb}| {numbers[edge.end]}"
    for what, fill in _FILLS.items():
        if any(node.what == what for node in graph.nodes):
            yield f"    classDef {what} fill:{fill},stroke:#555,color:#111"


def as_svg(graph: Graph) -> str:
    """A whole SVG document; text in it is escaped, and nothing is fetched by whoever shows it."""
    nodes, layers = {node.id: node for node in graph.nodes}, layers_of(graph)
    widths = [max(map(_width, (nodes[name] for name in layer))) for layer in layers]
    lefts = [_MARGIN + sum(widths[:number]) + _GAP * number for number in range(len(layers))]
    tallest = max(map(len, layers), default=0)
    boxes = {
        name: (lefts[number], _MARGIN + int((tallest - len(layer)) * _ROW / 2) + row * _ROW, widths[number])
        for number, layer in enumerate(layers)
        for row, name in enumerate(layer)
    }
    width = sum(widths) + _GAP * max(len(layers) - 1, 0) + 2 * _MARGIN
    height = tallest * _ROW + 2 * _MARGIN
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        f"<title>{escape(graph.app)}</title>",
        _ARROW,
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *(_line(boxes[edge.start], boxes[edge.end], edge.verb) for edge in graph.edges),
        *(_box(nodes[name], *box) for name, box in boxes.items()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _box(node: Node, left: int, top: int, width: int) -> str:
    detail = node.detail or node.what
    middle = left + width // 2
    round_by = 20 if node.what == "event" else 4
    return (
        f'<g><title>{escape(f"{node.what} {node.name}")}</title><rect x="{left}" y="{top}" width="{width}"'
        f' height="{_HEIGHT}" rx="{round_by}" fill="{_FILLS[node.what]}" stroke="#555"/>'
        f'<text x="{middle}" y="{top + 19}" text-anchor="middle" font-weight="bold">{escape(node.name)}</text>'
        f'<text x="{middle}" y="{top + 35}" text-anchor="middle" font-size="10" fill="#444">{escape(_short(detail))}'
        "</text></g>"
    )


def _line(start: tuple[int, int, int], end: tuple[int, int, int], verb: str) -> str:
    """A curve from the right side of one box to the left side of another; one that leads back goes below."""
    x1, y1 = start[0] + start[2], start[1] + _HEIGHT // 2
    x2, y2 = end[0], end[1] + _HEIGHT // 2
    bend = max(40, (x2 - x1) // 2)
    if x2 <= x1:
        below = max(y1, y2) + _ROW // 2
        path = f"M{x1} {y1}C{x1 + bend} {below} {x2 - bend} {below} {x2} {y2}"
    else:
        path = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    dash = "" if verb in ("is followed by", "is read by") else ' stroke-dasharray="5 3"'
    return f'<path d="{path}" fill="none" stroke="#666"{dash} marker-end="url(#end)"><title>{verb}</title></path>'


def _width(node: Node) -> int:
    return 24 + _LETTER * max(len(node.name) + 2, len(_short(node.detail or node.what)))


def _short(detail: str) -> str:
    """A handler without the packages that it is in."""
    return ".".join(detail.split(".")[-2:])


def _quoted(text: str) -> str:
    """A text that ends no quotation in Mermaid, and is no markup to whoever shows it."""
    return text.translate(_MARKS)
