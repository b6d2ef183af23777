"""An application whose work leaves traces: rows in its database, and a line outside of it for every try."""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.until import until
from twofold import App, Event, Module, Rows


class Base(DeclarativeBase):
    pass


class Ground(Base):
    __tablename__ = "ground"
    id: Mapped[int] = mapped_column(primary_key=True)
    stream: Mapped[str]
    n: Mapped[int]
    pid: Mapped[int]


class Total(Base):
    __tablename__ = "total"
    stream: Mapped[str] = mapped_column(primary_key=True)
    grains: Mapped[int]


@dataclass(frozen=True, kw_only=True)
class GrainPoured(Event):
    stream: str
    n: int
    gate: str | None = None
    """A folder: `started-<pid>` is made in it once a process handles the event, and it goes on when there is `go`."""


mill = Module("mill")
mill.state(Ground)
mill.state(Total)


@mill.on(GrainPoured, partitions=int(os.environ.get("MILL_PARTITIONS", "1")))
async def grind(event: GrainPoured, session: AsyncSession) -> None:
    leave_trace(event)
    if event.gate is not None:
        gate = Path(event.gate)
        (gate / f"started-{os.getpid()}").touch()
        await until((gate / "go").exists, within=600)
    session.add(Ground(stream=event.stream, n=event.n, pid=os.getpid()))


def leave_trace(event: GrainPoured) -> None:
    with Path(os.environ["MILL_TRACE"]).open("a") as trace:
        trace.write(f"{event.stream} {event.n} {os.getpid()}\n")


@mill.projection("totals", tables=[Total])
class Totals:
    def grain_poured(self, event: GrainPoured, rows: Rows) -> None:
        rows.add(Total, {"stream": event.stream}, grains=1)


app = App("mill", modules=[mill], lease=float(os.environ.get("MILL_LEASE", "5")))
