"""`twofold graph`: text for Mermaid, a picture that needs nothing, and data."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from tests.cli.conftest import Said
from twofold.app.graph import Edge, Graph, Node
from twofold.cli._drawn import as_mermaid, as_svg
from twofold.cli._layers import layers_of

Twofold = Callable[..., Said]
DESK = "tests.cli.desk:app"
SVG = "{http://www.w3.org/2000/svg}"


def graph(*edges: str) -> Graph:
    """A graph of letters: `ab` leads from a to b."""
    names = sorted({name for edge in edges for name in edge})
    return Graph(
        app="letters",
        nodes=tuple(Node(id=name, what="event", name=name) for name in names),
        edges=tuple(Edge(start=edge[0], end=edge[1], verb="sends") for edge in edges),
    )


def test_mermaid_is_printed(twofold: Twofold) -> None:
    """One line for each node and each edge."""
    lines = twofold("graph", DESK).out.splitlines()
    assert lines[0] == "flowchart LR"
    nodes = dict(re.findall(r'^ +(n\d+)\W+"(\w+)"', "\n".join(lines), re.MULTILINE))
    edges = [(nodes[start], nodes[end]) for start, end in re.findall(r"(n\d+) -->\|[\w ]+\| (n\d+)", "\n".join(lines))]
    assert edges == [("take", "taken"), ("taken", "desk_orders")]


def test_it_is_drawn_into_a_file(twofold: Twofold, tmp_path: Path) -> None:
    """A box for each node, a line for each edge, and no address that would be fetched; - is standard output."""
    file = tmp_path / "desk.svg"
    said = twofold("graph", DESK, "--svg", str(file))
    assert (said.code, said.out) == (0, "")
    assert twofold("graph", DESK, "--svg", "-").out == file.read_text()
    drawn = Xml.parse(file).getroot()
    assert len(drawn.findall(f"{SVG}g")) == 5
    assert len(drawn.findall(f"{SVG}path")) == 2
    assert re.findall(r'\w+://[^"]+', file.read_text()) == ["http://www.w3.org/2000/svg"]
    assert twofold("graph", DESK, "--svg", str(tmp_path / "no" / "where.svg")).code == 2


def test_machines_get_json(twofold: Twofold) -> None:
    """Nodes and edges by their ids; it is one or the other."""
    told = json.loads(twofold("graph", DESK, "--json").out)
    ids = {node["id"] for node in told["nodes"]}
    assert {edge["start"] for edge in told["edges"]} <= ids
    assert twofold("graph", DESK, "--json", "--svg", "-").code == 2


def test_a_name_breaks_out_of_no_picture() -> None:
    """Whatever somebody calls a projection."""
    name = '"]<script>&#quot;'
    strange = Graph(app=name, nodes=(Node(id="n", what="projection", name=name, detail="<b>"),), edges=())
    drawn = Xml.fromstring(as_svg(strange))
    assert name in [text.text for text in drawn.iter(f"{SVG}text")]
    (line,) = [line for line in as_mermaid(strange) if "n0" in line]
    assert line == '    n0[("#quot;]#lt;script#gt;#amp;#35;quot;")]:::projection'


@pytest.mark.parametrize(
    "edges, layers",
    [
        (("ab", "bc", "ac"), ["a", "b", "c"]),
        (("ab", "bc", "ca"), ["a", "b", "c"]),
        (("aa",), ["a"]),
        (("ac", "bd"), ["ab", "cd"]),
        (("ad", "bc", "bd"), ["ba", "cd"]),
        ((), []),
    ],
)
def test_a_node_stands_behind_all_that_lead_to_it(edges: tuple[str, ...], layers: list[str]) -> None:
    """Rings are broken where a walk comes back, and a layer is ordered so that fewer lines cross."""
    assert ["".join(layer) for layer in layers_of(graph(*edges))] == layers


def test_an_application_of_nothing_is_drawn() -> None:
    """As nothing."""
    assert Xml.fromstring(as_svg(graph())).findall(f"{SVG}g") == []
