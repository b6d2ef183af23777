"""The extra `observability`: messages are counted, told as spans, and logged as JSON."""

import asyncio
import json
import logging
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

from twofold import App, Command, Module
from twofold.observability import OpenTelemetrySpans, PrometheusMeter, configure_logging

greetings = Module("greetings")


@dataclass(frozen=True, kw_only=True)
class Greet(Command[str]):
    name: str


@greetings.handler
async def greet(command: Greet, logger: logging.Logger) -> str:
    logger.info("greeting")
    return f"Hello, {command.name}!"


async def main() -> None:
    app = App("hello", modules=[greetings])
    meter = PrometheusMeter(handlers=app.router.handlers, progress=app.progress, queues=app.queues)
    app.observe(meter=meter, spans=OpenTelemetrySpans())
    async with app:
        (await app.execute(Greet(name="Ada"))).unwrap()
        body, _ = await meter.scrape()
    assert b'cqrs_command_total{message="greet",outcome="success"} 1.0' in body, body


lines = StringIO()
with redirect_stdout(lines), redirect_stderr(lines):
    configure_logging(format="json", level="INFO")
    asyncio.run(main())
assert any(json.loads(line)["event"] == "greeting" for line in lines.getvalue().splitlines()), lines.getvalue()
