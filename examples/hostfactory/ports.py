"""What the host factory needs of others: the catalogue of templates, and who has the machines."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from examples.hostfactory.domain import Template
from twofold import NotFound, Result


class Templates(Protocol):
    """The catalogue of templates."""

    async def all(self) -> list[Template]:
        """Every template, by id."""
        ...

    async def get(self, template_id: str) -> Result[Template, NotFound]:
        """A template by its id."""
        ...


class Provider(Protocol):
    """Who has the machines: a cloud, or a rack."""

    async def images(self) -> frozenset[str]:
        """The images that machines can be made of."""
        ...

    async def launch(
        self, template: Template, machine_ids: tuple[UUID, ...], attributes: Mapping[str, str]
    ) -> dict[UUID, str]:
        """Have machines made; those that were launched before are the same ones again, and not made twice.

        Args:
            template: What they are like.
            machine_ids: What they are known by here.
            attributes: What the request says of them.

        Returns:
            The address of each that will come up; one that is left out there is no room for.
        """
        ...
