"""The command `twofold`: finds the subcommand, and turns whatever goes wrong into clear lines and an exit code."""

import gc
import sys
import traceback
from importlib.metadata import version

import rich_click as click

from twofold.cli._audit import audit
from twofold.cli._db import db
from twofold.cli._describe import describe
from twofold.cli._doctor import doctor
from twofold.cli._erase import erase
from twofold.cli._events import events
from twofold.cli._exit import BUG, exit_code
from twofold.cli._explain import explain
from twofold.cli._graph import graph
from twofold.cli._parked import parked
from twofold.cli._projections import projections
from twofold.cli._replay import replay
from twofold.cli._run import run
from twofold.cli._schema import schema
from twofold.cli._send import ask, send
from twofold.cli._stream import stream
from twofold.cli._tell import tell
from twofold.cli.new import new
from twofold.errors import TwofoldError


def main() -> None:
    """Run the command line, and exit.

    Raises:
        SystemExit: Always, with the exit code.
    """
    try:
        commands(prog_name="twofold")
    except TwofoldError as error:
        tell(error)
        sys.exit(exit_code(error))
    except Exception:  # noqa: BLE001  # the last resort: a bug is shown whole, and has an exit code of its own
        traceback.print_exc()
        sys.exit(BUG)
    finally:
        gc.freeze()  # else the interpreter looks through all that it has imported before it ends: a fifth of a second


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("twofold"), prog_name="twofold")
def commands() -> None:
    """Commands, queries and events, carried."""


audit.add_command(replay)
for command in (
    new,
    run,
    send,
    ask,
    describe,
    explain,
    doctor,
    graph,
    parked,
    projections,
    audit,
    erase,
    stream,
    events,
    schema,
    db,
):
    commands.add_command(command)
