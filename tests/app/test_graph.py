"""The graph of an application: who follows what is declared, and what leads to what is declared or read off code."""

from tests.app.street import app
from twofold.app.graph import graph_of


def test_what_leads_to_what_is_found_without_running_anything() -> None:
    """By aggregates whose methods are called, functions, deciders, lifecycles, reactions and projections.

    An event that an aggregate only applies, or that another of its methods records, is not one of the command's; nor is
    what a reaction is told by under another of its events.
    """
    lines = [f"{edge.start} {edge.verb} {edge.end}" for edge in graph_of(app).edges]
    clean, repaint = "reaction:tests.app.street.clean", "reaction:tests.app.street.repaint"
    assert sorted(lines) == sorted(
        [
            "command:build records event:built",
            "command:light records event:light_failed",
            "command:paint records event:painted",
            "command:sweep records event:swept",
            f"event:built is followed by {clean}",
            f"event:painted is followed by {clean}",
            f"event:swept is followed by {repaint}",
            "event:built is followed by reaction:tests.app.street.admire",
            f"{clean} sends command:sweep",
            f"{repaint} sends command:paint",
            "event:built is followed by projection:houses",
            "projection:houses is read by query:count_houses",
        ]
    )


def test_a_node_tells_what_it_is() -> None:
    """And who handles it, or how; an event that nobody is seen to record is left out."""
    nodes = {node.id: node for node in graph_of(app).nodes}
    assert nodes["command:build"].detail == "tests.app.street.build"
    assert nodes["projection:houses"].detail == "live"
    assert nodes["reaction:tests.app.street.clean"].name == "clean"
    assert nodes["reaction:tests.app.street.clean"].detail == "module street"
    assert nodes["reaction:tests.app.street.admire"].detail == "module street, local"
    assert "event:burnt" not in nodes
