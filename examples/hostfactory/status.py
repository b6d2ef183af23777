"""The read model of requests: an inline projection, so that whoever asks right after a command is told the truth."""

from uuid import UUID

from sqlalchemy import JSON, bindparam, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples.hostfactory.domain import MachinesRequested, MachineStatus, MachineStatusChanged, RequestFulfilled
from examples.hostfactory.queries import MachineDTO, RequestDTO
from twofold import Module, Rows
from twofold.sql import ReadSession

status = Module("hostfactory.status")


class _Tables(DeclarativeBase):
    pass


class RequestRow(_Tables):
    __tablename__ = "request_status"

    request_id: Mapped[UUID] = mapped_column(primary_key=True)
    template_id: Mapped[str]
    requested: Mapped[int]
    attributes: Mapped[dict[str, str]] = mapped_column(JSON)
    fulfilled: Mapped[bool]


class MachineRow(_Tables):
    __tablename__ = "machine_status"

    machine_id: Mapped[UUID] = mapped_column(primary_key=True)
    request_id: Mapped[UUID] = mapped_column(index=True)
    status: Mapped[str]
    notes: Mapped[dict[str, str]] = mapped_column(JSON)


@status.projection("request_status", mode="inline", tables=[RequestRow, MachineRow])
class RequestStatus:
    """What each event does to the rows of its request."""

    def requested(self, event: MachinesRequested, rows: Rows) -> None:
        key = {"request_id": event.request_id}
        rows.upsert(
            RequestRow,
            key,
            template_id=event.template_id,
            requested=len(event.machine_ids),
            attributes=event.attributes,
            fulfilled=False,
        )
        for machine_id in event.machine_ids:
            new = MachineStatus.REQUESTED.value
            rows.upsert(MachineRow, {"machine_id": machine_id}, request_id=event.request_id, status=new, notes={})

    def changed(self, event: MachineStatusChanged, rows: Rows) -> None:
        key = {"machine_id": event.machine_id}
        rows.upsert(MachineRow, key, request_id=event.request_id, status=event.status.value, notes=event.metadata)

    def fulfilled(self, event: RequestFulfilled, rows: Rows) -> None:
        rows.upsert(RequestRow, {"request_id": event.request_id}, fulfilled=True)


# Rows of columns, where objects would cost three times as much: nobody changes them.
_requests, _machines = RequestRow.__table__, MachineRow.__table__
_REQUEST = select(_requests).where(_requests.c.request_id == bindparam("request_id"))
_MACHINES = select(_machines).where(_machines.c.request_id == bindparam("request_id")).order_by(_machines.c.machine_id)


class SqlRequestViews:
    """The read repository."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def find(self, request_id: UUID, *, with_machines: bool) -> RequestDTO | None:
        row = (await self._session.execute(_REQUEST, {"request_id": request_id})).one_or_none()
        if row is None:
            return None
        return RequestDTO(
            id=row.request_id,
            template_id=row.template_id,
            requested=row.requested,
            attributes=row.attributes,
            fulfilled=row.fulfilled,
            machines=await self._machines(request_id) if with_machines else None,
        )

    async def _machines(self, request_id: UUID) -> tuple[MachineDTO, ...]:
        rows = await self._session.execute(_MACHINES, {"request_id": request_id})
        return tuple(
            MachineDTO(id=row.machine_id, status=MachineStatus(row.status), metadata=row.notes) for row in rows
        )
