"""A provider that has no machines: it promises all that are asked for, up to what it has room for."""

from collections.abc import Mapping
from uuid import UUID

from examples.hostfactory.domain import Template


class SimulatedProvider:
    """Machines that exist on paper, as long as the process.

    Args:
        room: How many machines it has room for.
    """

    def __init__(self, room: int = 1_000_000) -> None:
        self._room = room
        self._launched: dict[UUID, str] = {}

    async def images(self) -> frozenset[str]:
        return frozenset({"debian-12", "debian-13"})

    async def launch(
        self, template: Template, machine_ids: tuple[UUID, ...], attributes: Mapping[str, str]
    ) -> dict[UUID, str]:
        for machine_id in machine_ids:
            if machine_id not in self._launched and len(self._launched) < self._room:
                self._launched[machine_id] = f"{template.image}.{machine_id}.example"
        return {one: self._launched[one] for one in machine_ids if one in self._launched}
