import asyncio
import pytest
from tests.aggregates.members import *
pytestmark = pytest.mark.anyio
async def test_x(tmp_path):
    async with club(str(tmp_path/"a.db")) as app:
        print(await app.execute(Join(id="ada")))
        print(await app.execute(Join(id="ada")))
        print(await app.execute(Pay(id="ada", amount=3)))
        print(await app.execute(Pay(id="ada", amount=3, refused=50)))
        print(await app.execute(See(id="ada")))
        print(await asyncio.gather(*(app.execute(Pay(id="ada", amount=3)) for _ in range(5))))
        print(await app.execute(Pay(id="bob", amount=3)))
        try: print(await app.execute(Join(id="bob", email="ada@members")))
        except Exception as e: print(repr(e))
        async for e in __import__("twofold").app.streams.entries(app, "member-ada"): print(e.version, e.type, e.data)
