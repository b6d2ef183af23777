"""`twofold run`: an application as a service; its checks come first, and with a fault nothing is served."""

import sys
from contextlib import closing
from typing import Final, get_args

import rich_click as click

from twofold.app import Profile, Role, open_room
from twofold.cli._load import app_argument, load, mount, watch
from twofold.cli._port import take
from twofold.cli._reload import run_again_and_again
from twofold.errors import Fault, StartError

_LEVELS = ("debug", "info", "warning", "error")
_RELOADS: Final = Fault(
    where="the command line",
    code="reloads",
    text="says --reload, which begins anew whenever somebody writes a file",
    hint="leave it out; the profile is production",
)


@click.command()
@app_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to serve on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="NUMBER",
    default=8000,
    show_default=True,
    help="The port; 0 for a free one.",
)
@click.option("--database", metavar="ADDRESS", help="A path, postgresql://host/name, or memory: for one that forgets.")
@click.option(
    "--read-database",
    metavar="ADDRESS",
    help="Where projections are, and queries read, when that is another database; or set TWOFOLD_READ_DATABASE.",
)
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    envvar="TWOFOLD_ROLE",
    show_default=Role.ALL.value,
    help="What this process does, beside others on the same database; or set TWOFOLD_ROLE.",
)
@click.option(
    "--log-format",
    type=click.Choice(["console", "json"]),
    show_default="console on a terminal, json elsewhere",
    help="Log lines for people, or one JSON object per line.",
)
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS, case_sensitive=False),
    default="info",
    show_default=True,
    help="The lowest level that is logged.",
)
@click.option(
    "--profile",
    type=click.Choice(get_args(Profile)),
    envvar="TWOFOLD_PROFILE",
    show_default="development",
    help="What production needs and lacks keeps it from starting; or set TWOFOLD_PROFILE.",
)
@click.option("--docs/--no-docs", default=None, help="Whether /docs and OpenAPI are offered; in production, say it.")
@click.option("--metrics/--no-metrics", default=None, help="Whether /metrics is offered; in production, say it.")
@click.option(
    "--max-connections",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    default=2000,
    show_default=True,
    help="How many connections there may be at once; a request on one more is a 503.",
)
@click.option(
    "--grace",
    type=click.IntRange(min=0),
    metavar="SECONDS",
    default=30,
    show_default=True,
    help="How long requests in flight may take to finish once it is told to stop.",
)
@click.option("--reload", is_flag=True, help="Begin anew when a Python file below this folder has changed.")
@click.option("--reloaded", is_flag=True, hidden=True)
def run(
    *,
    target: str,
    host: str,
    port: int,
    database: str | None,
    read_database: str | None,
    role: str | None,
    log_format: str | None,
    log_level: str,
    profile: Profile | None,
    docs: bool | None,
    metrics: bool | None,
    max_connections: int,
    grace: int,
    reload: bool,
    reloaded: bool,
) -> None:
    """Serve an application: HTTP, projections and reactions in one process.

    With a role it is one of several processes on one database: api-commands takes commands, api-queries answers queries
    and cannot write, worker runs projections and reactions and prepares the database for the other two. All of them say
    how they are at /health and /metrics.

    SIGTERM or SIGINT drains it: it takes no new connections, finishes what is in flight, and closes the store. A second
    one hurries, a third one kills.
    """
    serving = open_room("twofold.cli.serving")
    if reload and profile != "production":
        with closing(take(host, port)) as taken:
            port = taken.getsockname()[1]
        again = [word for word in sys.argv[1:] if word != "--reload"]
        run_again_and_again([*again, "--port", str(port), "--reloaded"])
        return
    open_room("twofold.observability").configure_logging(format=log_format, level=log_level.upper())
    app = load(target)
    mount(app, database=database, read_database=read_database)
    if role is not None:
        app.use_role(role)
    if profile is not None:
        app.use_profile(profile)
    watch(app)
    typed = {"docs": docs, "metrics": metrics}
    asgi = app.http(**{name: said for name, said in typed.items() if said is not None})
    faults = asgi.state.faults() + ([_RELOADS] if app.production and (reload or reloaded) else [])
    if faults:
        raise StartError(app=app.name, faults=faults)
    serving.serve(
        asgi,
        name=app.name,
        host=host,
        port=port,
        connections=max_connections,
        grace=grace,
        docs=asgi.docs_url is not None,
    )
