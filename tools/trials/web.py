"""The extra `web`: a request through the application as ASGI, its document, and no numbers, which are another extra."""

import asyncio
import json
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from twofold import App, Command, Module

greetings = Module("greetings")


@dataclass(frozen=True, kw_only=True)
class Greet(Command[str]):
    name: str


@greetings.handler
async def greet(command: Greet) -> str:
    return f"Hello, {command.name}!"


async def request(web: Any, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": b""}
    await web(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


async def main() -> None:
    web = App("hello", modules=[greetings]).http()
    async with web.router.lifespan_context(web):
        assert await request(web, "POST", "/commands/greet", b'{"name": "Ada"}') == (200, b'"Hello, Ada!"')
        assert (await request(web, "POST", "/commands/greet", b"{}"))[0] == 400
        status, document = await request(web, "GET", "/openapi.json")
        assert (status, "/commands/greet" in json.loads(document)["paths"]) == (200, True)
        assert (await request(web, "GET", "/health/live"))[0] == 200


asyncio.run(main())
