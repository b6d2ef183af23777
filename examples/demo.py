"""`python -m examples.demo [EXAMPLE]`: starts examples as services, drives them over HTTP, and says what holds.

`make demo` calls it. It knows the examples by their HTTP doors only, and ends with 0 when everything holds, else 1.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from examples._demo.database import Databases, databases
from examples._demo.orders import OrdersRun, drive_orders
from examples._demo.report import figures, progress_bar, verdict
from examples._demo.scenario import Checks, Scenario
from examples._demo.server import WRONG_ANSWER, NotCaughtUp, Server, ServerDied, caught_up
from examples.accounts import scenario as accounts
from examples.courses import scenario as courses
from examples.hostfactory import scenario as hostfactory
from examples.orders import scenario as orders
from examples.providers import scenario as providers

ORDERS: Final = "orders"
SCENARIOS: Final[dict[str, Scenario]] = {
    "courses": courses,
    "accounts": accounts,
    "providers": providers,
    "hostfactory": hostfactory,
    ORDERS: orders,
}
SHOWS: Final = {
    ORDERS: ("S5",),
    "courses": ("S5",),
    "accounts": ("S1", "S4"),
    "providers": ("S2",),
    "hostfactory": ("S3",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for."""

    example: str | None
    commands: int
    database: str | None
    seed: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo.

    Args:
        arguments: The command line; that of the process unless given.

    Returns:
        The exit code.
    """
    console = Console(highlight=False, soft_wrap=True)
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twofold-demo-")))
        try:
            places = stack.enter_context(databases(options.database, options.example or ORDERS, folder))
            return asyncio.run(_demo(options, places, folder, console))
        except ServerDied as error:
            console.print(Text(f"the server died; the end of its log:\n{error}"))
            console.print(Text("VERDICT FAIL the server died", style="bold red"))
            return 1
        except (KeyboardInterrupt, asyncio.CancelledError):
            return 130


async def _demo(options: Options, places: Databases, folder: Path, console: Console) -> int:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    first = options.example or ORDERS
    results: list[tuple[str, Checks]] = []
    async with _server(first, places, folder) as server:
        console.print(Text(f"examples.{first} serves on {server.url}, database {places(first).address}"))
        results.append((first, await _drive(first, server, options, console)))
        for name in SHOWS if options.example is None else ():
            if name != first:
                async with _server(name, places, folder) as other:
                    results.append((name, await _drive(name, other, options, console)))
        systems = sorted({system for name, _ in results for system in SHOWS[name]})
        passed = verdict(console, results, systems)
        if sys.stdout.isatty():
            await _keep_serving(server, console)
    return 0 if passed else 1


async def _drive(name: str, server: Server, options: Options, console: Console) -> Checks:
    if name == ORDERS:
        run = await _drive_orders(server, options, console)
        console.print(figures(run))
        return Checks([*run.checks.seen, *(await _follow_scenario(name, server)).seen])
    return await _follow_scenario(name, server)


async def _follow_scenario(name: str, server: Server) -> Checks:
    try:
        async with server.client() as client:
            checks = await SCENARIOS[name].drive(client)
            await caught_up(client)
    except (*WRONG_ANSWER, NotCaughtUp, TimeoutError) as error:
        checks = Checks()
        for system in SHOWS[name]:
            checks.that(system, "the scenario comes to its end", False, repr(error))
    server.check()
    return checks


async def _drive_orders(server: Server, options: Options, console: Console) -> OrdersRun:
    with progress_bar(console) as bar:
        commands = bar.add_task("commands", total=options.commands)
        run = await drive_orders(
            server, commands=options.commands, seed=options.seed, on_command=lambda: bar.advance(commands)
        )
        bar.update(commands, total=run.tally.sent)
    if run.orders_before:
        console.print(Text(f"continued where the database stood, with {run.orders_before:,} orders"))
    return run


async def _keep_serving(server: Server, console: Console) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    console.print(Text(f"still serving: open {server.url}/docs, and end with Ctrl-C"))
    await stop.wait()


def _server(name: str, places: Databases, folder: Path) -> Server:
    return Server(f"examples.{name}:app", database=places(name), log=folder / f"{name}.log")


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description="Drive the examples over HTTP.")
    parser.add_argument("example", nargs="?", choices=list(SHOWS), help="which example; all unless given")
    parser.add_argument(
        "--commands", type=int, default=1500, help="how many commands orders gets (default: %(default)s)"
    )
    parser.add_argument(
        "--database",
        type=_database,
        help="the SQLite file of the first example, or postgresql://host/database with a schema for each, kept;"
        " postgres for a server of its own, gone afterwards; fresh SQLite files unless given, or for sqlite",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="what the clients' choices come from (default: %(default)s)"
    )
    found = parser.parse_args(arguments)
    database = None if found.database == "sqlite" else found.database
    return Options(example=found.example, commands=found.commands, database=database, seed=found.seed)


def _database(word: str) -> str:
    """What was said, unless it is a mere word: whoever says `mysql` means a server, and would get a file."""
    if word in ("postgres", "sqlite") or not _IN_ADDRESSES.isdisjoint(word):
        return word
    raise argparse.ArgumentTypeError(
        f"{word} is no address, and no good name for a file: say postgres, sqlite, postgresql://host/database"
        f" or ./{word}.db"
    )


_IN_ADDRESSES: Final = frozenset("/\\.:")


if __name__ == "__main__":
    sys.exit(main())
