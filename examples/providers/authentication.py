"""Who is knocking: whoever has the token of an active session."""

from pydantic import SecretStr
from starlette.requests import Request

from examples.providers.queries import FindOwner
from twofold import App, Principal


async def authenticate(request: Request, app: App) -> Principal | None:
    """Whoever the request comes from; None for nobody."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not 0 < len(token) <= 500:
        return None
    owner = (await app.execute(FindOwner(token=SecretStr(token)))).unwrap()
    return None if owner is None else Principal(user_id=str(owner))
