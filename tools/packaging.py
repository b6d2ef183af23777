"""Tries the wheel where nothing else is: in an environment for each interpreter and each extra, with what is locked.

What runs there are the programs of `tools/trials`. Of all networks only the package index is reached.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Final, NamedTuple

from fakeredis import TcpFakeServer

from tools.nats_server import running
from tools.shared_postgres import fresh_database
from tools.wheel import PROJECT, ROOT, build, flaws_of, flaws_of_sdist

TRIALS: Final = ROOT / "tools" / "trials"
EXTRAS: Final[Mapping[str, Sequence[str]]] = PROJECT["optional-dependencies"]
CORE: Final = {
    *("twofold", "dishka", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection"),
    *("annotated_types", "uuid_utils"),
}
LOADED: Final = """
import sys, twofold
print(*{name.partition('.')[0] for name, module in sys.modules.items() if 'site-packages' in str(module)})
"""
VERSION: Final = "import sys; print('%d.%d' % sys.version_info[:2])"


async def main(interpreters: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="twofold-packaging-") as folder, running(fresh_folder(folder)) as nats:
        place = Path(folder)
        wheel, flaws = packed(place)
        async with fresh_database() as postgres, fresh_redis() as redis:
            trials = [
                Trial(interpreter, extra, wheel, place, (postgres, redis, nats.url))
                for interpreter in interpreters
                for extra in ("", *EXTRAS)
            ]
            with ThreadPoolExecutor(max_workers=2) as pool:
                loop = asyncio.get_running_loop()
                found = await asyncio.gather(*(loop.run_in_executor(pool, trial.run) for trial in trials))
    flaws += [flaw for several in found for flaw in several]
    print(f"{len(flaws)} flaws" if flaws else f"the wheel works in {len(trials)} environments")
    return 1 if flaws else 0


def packed(place: Path) -> tuple[Path, list[str]]:
    """The wheel, and what is wrong with what is in it or in the sdist."""
    started = perf_counter()
    dist, again = place / "dist", place / "again"
    dist.mkdir()
    again.mkdir()
    wheel = build("wheel", dist)
    flaws = [*flaws_of(wheel), *flaws_of_sdist(build("sdist", dist), wheel, again)]
    tell("what is in wheel and sdist", flaws, started)
    return wheel, flaws


def tell(what: str, flaws: Sequence[str], started: float) -> None:
    print("\n".join([f"{'FAILED' if flaws else 'ok':8}{what:32}{perf_counter() - started:6.1f} s", *flaws]), flush=True)


def fresh_folder(place: str) -> Path:
    """A folder for a server."""
    folder = Path(place) / "server"
    folder.mkdir()
    return folder


@asynccontextmanager
async def fresh_redis() -> AsyncGenerator[str]:
    """A server of the protocol of Redis that is gone afterwards; its address."""
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{server.server_address[1]}"
    await asyncio.to_thread(server.shutdown)
    server.server_close()
    thread.join()


class Trial(NamedTuple):
    """One environment.

    Args:
        interpreter: What it is made for.
        extra: The extra that is installed; empty for none.
        wheel: The wheel.
        place: Where it is made.
        servers: The addresses of a PostgreSQL, a Redis and a NATS.
    """

    interpreter: str
    extra: str
    wheel: Path
    place: Path
    servers: tuple[str, str, str]

    def run(self) -> list[str]:
        """Make it, run what there is to run in it, and take it away; what has failed."""
        started = perf_counter()
        version = said([self.interpreter, "-c", VERSION], self.place)
        where = self.place / f"{version}-{self.extra or 'bare'}"
        try:
            self.prepare(where)
            flaws = [*self.flaws(where)]
        except subprocess.CalledProcessError as error:
            flaws = [failure(error)]
        finally:
            shutil.rmtree(where, ignore_errors=True)
        tell(f"Python {version}, {self.extra or 'no extra'}", flaws, started)
        return flaws

    def prepare(self, where: Path) -> None:
        uv = Path(sys.executable).with_name("uv")
        said([uv, "venv", "--quiet", "--python", self.interpreter, where], self.place)
        (where / "work").mkdir()
        wanted = f"twofold{f'[{self.extra}]' if self.extra else ''} @ {self.wheel.as_uri()}"
        lock = ["--constraint", str(ROOT / "requirements.lock"), "--only-binary", ":all:"]
        said([uv, "pip", "install", "--quiet", "--python", where / "bin" / "python", *lock, wanted], self.place)

    def flaws(self, where: Path) -> Iterator[str]:
        python, work = where / "bin" / "python", where / "work"
        version = said([where / "bin" / "twofold", "--version"], work)
        if version != f"twofold, version {PROJECT['version']}":
            yield f"twofold --version says {version}"
        if unasked := {*said([python, "-I", "-c", LOADED], work).split()} - CORE:
            yield f"import twofold loads {', '.join(sorted(unasked))}"
        postgres, *others = self.servers
        parts = sorted(parts_of(self.extra)) if self.extra else []
        yield from self.failures(python, "doors", *parts)
        for program in parts or ["bare"]:
            yield from self.failures(python, program, f"{postgres}&schema={where.name}-{program}", *others)

    def failures(self, python: Path, program: str, *arguments: str) -> Iterator[str]:
        """A program in isolation, so that it sees neither this project nor what the environment says of Python."""
        try:
            said([python, "-I", TRIALS / f"{program}.py", *arguments], python.parent.parent / "work")
        except subprocess.CalledProcessError as error:
            yield failure(error)


def parts_of(extra: str) -> set[str]:
    """An extra, and those that it is made of."""
    found = {extra}
    for requirement in EXTRAS.get(extra, ()):
        if within := re.fullmatch(r"twofold\[(.*)\]", requirement):
            found = found.union(*(parts_of(part) for part in within[1].split(",")))
    return found


def said(command: Sequence[str | Path], place: Path) -> str:
    """What a command prints.

    Raises:
        CalledProcessError: It fails.
    """
    ours = {
        name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "TWOFOLD", "VIRTUAL_ENV"))
    }
    done = subprocess.run(command, cwd=place, env=ours, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def failure(error: subprocess.CalledProcessError) -> str:
    return f"{' '.join(map(str, error.cmd))}: exit code {error.returncode}\n{error.stderr.rstrip()}"


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:] or [sys.executable])))
