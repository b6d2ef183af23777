"""The catalogue of templates: here a fixed list, elsewhere a file or another service behind the same port."""

from examples.hostfactory.domain import Template
from twofold import Failure, NotFound, Result, Success

_TEMPLATES = (
    Template(id="large", image="debian-12", max_machines=2),
    Template(id="small", image="debian-13", max_machines=10),
)


class FixedTemplates:
    """Templates that are known when the program starts."""

    async def all(self) -> list[Template]:
        return list(_TEMPLATES)

    async def get(self, template_id: str) -> Result[Template, NotFound]:
        for template in _TEMPLATES:
            if template.id == template_id:
                return Success(template)
        return Failure(NotFound(f"there is no template {template_id!r}"))
