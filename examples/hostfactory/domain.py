"""Requests for machines: an event-sourced aggregate, its events and rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, TypeAlias
from uuid import UUID

from pydantic import Field, StringConstraints

from twofold import Aggregate, Event, Failure, FromContext, NotFound, Refused, Result, Success
from twofold.clock import new_id


@dataclass(frozen=True, kw_only=True)
class Traced:
    """What every command and query here carries: optional in code, filled by the door over HTTP."""

    correlation_id: Annotated[str | None, FromContext("correlation_id")] = None
    user_id: Annotated[str | None, FromContext("user_id")] = None


Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Notes: TypeAlias = Annotated[dict[Words, Words], Field(max_length=20)]
"""What somebody says beside what the domain knows: attributes of a request, metadata of a machine."""


class MachineStatus(StrEnum):
    REQUESTED = "requested"
    LAUNCHED = "launched"
    RUNNING = "running"
    FAILED = "failed"
    STOPPED = "stopped"


_NEXT = {
    MachineStatus.REQUESTED: {MachineStatus.LAUNCHED, MachineStatus.RUNNING, MachineStatus.FAILED},
    MachineStatus.LAUNCHED: {MachineStatus.RUNNING, MachineStatus.FAILED},
    MachineStatus.RUNNING: {MachineStatus.FAILED, MachineStatus.STOPPED},
}


@dataclass(frozen=True, kw_only=True)
class Template:
    """A kind of machine that may be asked for, and how many of it at once."""

    id: Words
    image: Words
    max_machines: Annotated[int, Field(ge=1, le=1000)]


class TooManyMachines(Refused):
    """The template allows fewer."""


class NotThatWay(Refused):
    """A machine does not go from its status to that one."""


@dataclass(frozen=True, kw_only=True)
class MachinesRequested(Event):
    """Machines were asked for, all after one template."""

    request_id: UUID
    template_id: str
    machine_ids: tuple[UUID, ...]
    attributes: Notes = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class MachineStatusChanged(Event):
    """A machine of a request has become something else."""

    request_id: UUID
    machine_id: UUID
    status: MachineStatus
    metadata: Notes = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class RequestFulfilled(Event):
    """All machines of a request run, but those that have failed."""

    request_id: UUID


class MachineRequest(Aggregate):
    """A request and its machines; changes by its own events only."""

    id: UUID
    machines: dict[UUID, MachineStatus]
    fulfilled = False

    @classmethod
    def place(
        cls, template: Template, max_number: int, attributes: Mapping[str, str] | None = None
    ) -> Result["MachineRequest", TooManyMachines]:
        """Ask for machines of a template."""
        if max_number > template.max_machines:
            return Failure(TooManyMachines(f"{template.id} allows {template.max_machines} machines, not {max_number}"))
        request = cls()
        request.record(
            MachinesRequested(
                request_id=new_id(),
                template_id=template.id,
                machine_ids=tuple(new_id() for _ in range(max_number)),
                attributes=dict(attributes or {}),
            )
        )
        return Success(request)

    def update_machine(
        self, machine_id: UUID, status: MachineStatus, metadata: Mapping[str, str] | None = None
    ) -> Result[None, NotFound | NotThatWay]:
        """Note what a machine has become; the request is fulfilled once all that have not failed run."""
        before = self.machines.get(machine_id)
        if before is None:
            return Failure(NotFound(f"request {self.id} has no machine {machine_id}"))
        if status not in _NEXT.get(before, ()):
            return Failure(NotThatWay(f"a machine that is {before} does not become {status}"))
        self.record(
            MachineStatusChanged(
                request_id=self.id, machine_id=machine_id, status=status, metadata=dict(metadata or {})
            )
        )
        if not self.fulfilled and {*self.machines.values()} - {MachineStatus.FAILED} == {MachineStatus.RUNNING}:
            self.record(RequestFulfilled(request_id=self.id))
        return Success()

    def evolve(self, event: Event) -> None:
        match event:
            case MachinesRequested():
                self.id = event.request_id
                self.machines = dict.fromkeys(event.machine_ids, MachineStatus.REQUESTED)
            case MachineStatusChanged():
                self.machines[event.machine_id] = event.status
            case RequestFulfilled():
                self.fulfilled = True
            case _:
                pass
