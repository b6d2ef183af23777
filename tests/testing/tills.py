"""Handlers that are a class and an instance, and a projection that looks like one: what the test kit tells apart."""

from dataclasses import dataclass
from typing import Any

from tests.testing.stall import Article, Sell, Sold, Stocked, StockRow, sell
from twofold import Command, Module, Repository, Result, Rows

tills = Module("tills")
tills.events(Stocked, Sold)


@dataclass(frozen=True, kw_only=True)
class Ring(Command[int]):
    article: str


@dataclass(frozen=True, kw_only=True)
class Scan(Command[int]):
    article: str


@tills.handler
class Ringing:
    """Made anew for each message."""

    def __init__(self, articles: Repository[Article]) -> None:
        self._articles = articles

    async def handle(self, command: Ring) -> Result[int, Any]:
        return await sell(Sell(article=command.article, buyer="ada"), self._articles)


class Scanning:
    """Made once."""

    async def handle(self, command: Scan, articles: Repository[Article]) -> Result[int, Any]:
        return await sell(Sell(article=command.article, buyer="ada"), articles)


SCANNER = Scanning()
tills.register(Scan, SCANNER)


@tills.projection("shelved", tables=[StockRow])
class Shelved:
    """A projection whose method is called like that of a handler."""

    def handle(self, event: Stocked, rows: Rows) -> None:
        rows.add(StockRow, {"article": event.article}, left=event.count)
