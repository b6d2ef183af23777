"""Where the nodes of a graph stand: in layers from left to right, so that most lines go that way and few cross.

The usual steps of a layered drawing (Sugiyama, Tagawa and Toda, 1981): lines that close a ring are left out, a node
stands behind all that lead to it, and each layer is put in the order of its neighbours' places.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from twofold.app.graph import Graph

_ROUNDS: Final = 4


def layers_of(graph: Graph) -> list[list[str]]:
    """The ids of the nodes of a graph by layer, each in its order.

    Args:
        graph: The graph.
    """
    following = _without_rings(graph)
    depth = dict.fromkeys((node.id for node in graph.nodes), 0)
    for name in _before(following):
        for end in following[name]:
            depth[end] = max(depth[end], depth[name] + 1)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in graph.nodes:
        layers[depth[node.id]].append(node.id)
    return _ordered(layers, graph)


def _without_rings(graph: Graph) -> dict[str, list[str]]:
    """What follows each node, without the lines that lead back to where a walk has come from."""
    following: dict[str, list[str]] = {node.id: [] for node in graph.nodes}
    for edge in graph.edges:
        following[edge.start].append(edge.end)
    done, kept = set[str](), dict[str, list[str]]()
    for root in following:
        walk = [(root, iter(following[root]))] if root not in done else []
        on_the_way = {root}
        while walk:
            name, ends = walk[-1]
            kept.setdefault(name, [])
            end = next(ends, None)
            if end is None:
                walk.pop()
                on_the_way.discard(name)
                done.add(name)
            elif end not in on_the_way:
                kept[name].append(end)
                if end not in done:
                    walk.append((end, iter(following[end])))
                    on_the_way.add(end)
    return kept


def _before(following: Mapping[str, Sequence[str]]) -> Iterable[str]:
    """The nodes, each before all that follow it."""
    waiting: defaultdict[str, int] = defaultdict(int)
    for ends in following.values():
        for end in ends:
            waiting[end] += 1
    ready = [name for name in following if not waiting[name]]
    for name in ready:
        for end in following[name]:
            waiting[end] -= 1
            if not waiting[end]:
                ready.append(end)
    return ready


def _ordered(layers: list[list[str]], graph: Graph) -> list[list[str]]:
    """Each layer by the mean place of the neighbours, from the left and from the right in turn."""
    near = defaultdict[str, list[str]](list)
    for edge in graph.edges:
        near[edge.start].append(edge.end)
        near[edge.end].append(edge.start)
    place = {name: float(number) for layer in layers for number, name in enumerate(layer)}

    def mean(name: str) -> float:
        return sum(place[one] for one in near[name]) / len(near[name]) if near[name] else place[name]

    for number in range(_ROUNDS):
        for layer in layers if number % 2 == 0 else reversed(layers):
            layer.sort(key=mean)
            place.update({name: float(index) for index, name in enumerate(layer)})
    return layers
