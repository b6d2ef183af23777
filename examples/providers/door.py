"""Who is knocking. A bearer token is the user's id here; elsewhere it is checked, with a library made for that."""

from uuid import UUID

from starlette.requests import Request

from twofold import Principal


async def authenticate(request: Request) -> Principal | None:
    """Whoever the request comes from; None for nobody."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer":
        return None
    try:
        return Principal(user_id=str(UUID(token)))
    except ValueError:
        return None
