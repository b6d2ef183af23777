"""JetStream and its ways of not confirming: nothing counts that is not confirmed, and memory stays bounded."""

import asyncio
import gc
import os
import signal
import tracemalloc
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from tests.drivers.nats.keeping import keeper
from tests.drivers.nats.proxy import through
from tests.freezing import freeze
from tools.nats_server import NatsServer, running
from twofold.clock import new_id
from twofold.drivers.nats import NatsBroker
from twofold.drivers.nats._call import Answer, Call
from twofold.drivers.nats._connection import Connection
from twofold.errors import WiringError
from twofold.messaging import MessageRefused, NotConfirmed, Outgoing

pytestmark = pytest.mark.anyio

SECRET = "hush-hush"


def message(place: str, data: bytes = b"{}") -> Outgoing:
    """A message in a stream of its own."""
    identity = str(new_id())
    return Outgoing(f"{place}.happened", identity, identity, {"specversion": "1.0", "subject": identity}, data)


async def test_what_a_stream_will_never_take_is_refused(nats_server: NatsServer) -> None:
    """A stream may have a bound below that of its server."""
    broker = NatsBroker(nats_server.url)
    async with keeper(nats_server.url) as keeps:
        await keeps.keep(max_msg_size=1000)
        large, small = message(keeps.place, b"x" * 2000), message(keeps.place)
        refusal, kept = await broker.publish([large, small])
        assert isinstance(refusal, MessageRefused)
        assert refusal.cause == "message size exceeds maximum allowed (10054)"
        assert kept is None
        assert [one.id for one in await keeps.messages()] == [small.id]
    await broker.close()


async def test_headers_count_as_a_part_of_the_message(nats_server: NatsServer) -> None:
    """The server closes the connection of whoever sends more than it takes: that is never tried, to the byte."""
    broker = NatsBroker(nats_server.url)
    async with keeper(nats_server.url) as keeps:
        await keeps.keep()
        (told,) = await broker.publish([message(keeps.place, b"x" * 65536)])
        assert isinstance(told, MessageRefused)
        over = int(told.cause.split()[0]) - 65536
        assert told.cause == f"{65536 + over} bytes with its headers, and the server allows 65536"
        largest, beyond = (message(keeps.place, b"x" * (65536 - over + more)) for more in (0, 1))
        kept, refused = await broker.publish([largest, beyond])
        assert kept is None
        assert isinstance(refused, MessageRefused)
        assert await keeps.count() == 1
    await broker.close()


async def test_a_full_stream_is_waited_for(nats_server: NatsServer) -> None:
    """It may have room again: nothing is refused for ever because of it."""
    broker = NatsBroker(nats_server.url)
    async with keeper(nats_server.url) as keeps:
        await keeps.keep(max_msgs=1, discard="new")
        first, second = message(keeps.place), message(keeps.place)
        assert await broker.publish([first]) == [None]
        (told,) = await broker.publish([second])
        assert isinstance(told, NotConfirmed)
        assert told.cause == "maximum messages exceeded (10077)"
        await keeps.forget()
        await keeps.keep()
        assert await broker.publish([second]) == [None]
    await broker.close()


async def test_what_nobody_keeps_is_told_with_its_reason(nats_server: NatsServer) -> None:
    """The server answers at once that nobody listens; the connection stays."""
    broker = NatsBroker(nats_server.url, within=600)
    (told,) = await broker.publish([message("nowhere")])
    assert isinstance(told, NotConfirmed)
    assert told.cause == "no stream keeps this subject (503)"
    await broker.close()


async def test_a_server_that_swallows_its_answers_is_left(nats_server: NatsServer) -> None:
    """After its time, and for a new connection; what was given to it is not kept, however often it is given."""
    async with through(nats_server.url) as proxy, keeper(nats_server.url) as keeps:
        await keeps.keep()
        broker = NatsBroker(proxy.url, within=0.2)
        batch = [message(keeps.place, b"x" * 10_000) for _ in range(100)]
        assert await broker.publish(batch[:1]) == [None]
        proxy.swallows = True
        sizes = list[int]()
        tracemalloc.start()
        for _ in range(4):
            outcomes = await broker.publish(batch)
            assert {type(one) for one in outcomes} == {NotConfirmed}
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert proxy.swallowed.is_set()
        assert proxy.connections > 1
        assert sizes[-1] - sizes[0] < 500_000
        proxy.swallows = False
        assert list(await broker.publish(batch)) == [None] * 100
        assert await keeps.count() == 100  # whatever came twice, came under its id
        await broker.close()


async def test_a_frozen_server_ends_no_call(tmp_path: Path) -> None:
    """More than any buffer takes is given to it; each call ends by itself, and it is found again once it goes on."""
    with running(tmp_path, "max_payload: 1MB") as server:
        async with keeper(server.url) as keeps:
            await keeps.keep()
            broker = NatsBroker(server.url, within=0.3)
            batch = [message(keeps.place, b"x" * 200_000) for _ in range(100)]
            assert await broker.publish(batch[:1]) == [None]
            freeze(server.pid)
            for _ in range(2):
                assert {type(one) for one in await broker.publish(batch)} == {NotConfirmed}
            os.kill(server.pid, signal.SIGCONT)
            async with asyncio.timeout(60):
                while any(await broker.publish(batch[:5])):
                    pass
            assert {one.id for one in batch[:5]} <= {one.id for one in await keeps.messages()}
            await broker.close()


async def test_a_connection_that_is_lost_is_told_at_once(tmp_path: Path) -> None:
    """Nobody waits for the time of a confirmation that cannot come."""
    with running(tmp_path) as server:
        async with keeper(server.url) as keeps:
            await keeps.keep()
            place = keeps.place
        async with through(server.url) as proxy:
            broker = NatsBroker(proxy.url, within=600)
            assert await broker.publish([message(place)]) == [None]
            proxy.swallows = True
            calls = [asyncio.create_task(broker.publish([message(place)])) for _ in range(3)]
            await proxy.swallowed.wait()
            await proxy.close()
            for outcomes in await asyncio.gather(*calls):
                assert [type(one) for one in outcomes] == [NotConfirmed]
        await broker.close()


async def test_of_several_servers_one_is_enough(nats_server: NatsServer) -> None:
    """Whichever of them is away."""
    broker = NatsBroker(f"nats://127.0.0.1:1, {nats_server.url}")
    async with keeper(nats_server.url) as keeps:
        await keeps.keep()
        for _ in range(3):
            assert await broker.publish([message(keeps.place)]) == [None]
            await broker.close()


async def test_who_logs_in_is_told_nowhere(tmp_path: Path) -> None:
    """Neither when a server is away, nor when it does not know the password, nor with the one that it knows."""
    right = f"authorization {{ user: shop, password: {SECRET} }}"
    with running(tmp_path, right) as server:
        known = server.url.replace("//", f"//shop:{SECRET}@")
        async with keeper(known) as keeps:
            await keeps.keep()
            assert await NatsBroker(known).publish([]) == []
            broker = NatsBroker(known)
            assert await broker.publish([message(keeps.place)]) == [None]
            await broker.close()
        (wrong,) = await NatsBroker(server.url.replace("//", f"//shop:not-{SECRET}@")).publish([message("nowhere")])
        assert isinstance(wrong, NotConfirmed)
        assert "Authorization" in wrong.cause
    (away,) = await NatsBroker(known).publish([message("nowhere")])
    assert isinstance(away, NotConfirmed)
    assert away.cause.startswith(f"none of {server.url} answers: ")
    for one in (wrong, away):
        assert SECRET not in f"{one} {one!r} {one.detail} {one.hint} {one.__cause__!r} {one.__context__!r}"
    assert SECRET not in repr(broker)


async def test_what_one_may_not_publish_is_told(tmp_path: Path) -> None:
    """By the server's own words, instead of a confirmation."""
    rights = "authorization { users: [{ user: a, password: a, permissions: { publish: { deny: 'nowhere.>' } } }] }"
    with running(tmp_path, rights) as server:
        broker = NatsBroker(server.url.replace("//", "//a:a@"), within=0.5)
        (told,) = await broker.publish([message("nowhere")])
        assert isinstance(told, NotConfirmed)
        assert told.cause == 'nats: permissions violation for publish to "nowhere.happened"'
        await broker.close()


async def test_what_keeps_it_from_connecting_is_no_messages_fault(nats_server: NatsServer, tmp_path: Path) -> None:
    """Credentials that are not there, say."""
    broker = NatsBroker(nats_server.url, user_credentials=str(tmp_path / "no.creds"))
    (told,) = await broker.publish([message("nowhere")])
    assert isinstance(told, NotConfirmed)


@pytest.mark.parametrize("answer", [b"", b"ok", b"[]", b"{}", b'{"error":{}}', b'{"stream":"","seq":0}'])
async def test_who_answers_in_the_place_of_jetstream_confirms_nothing(nats_server: NatsServer, answer: bytes) -> None:
    """Anybody may listen to a subject, and reply."""
    broker = NatsBroker(nats_server.url, within=600)
    async with keeper(nats_server.url) as keeps:

        async def reply(heard: Msg) -> None:
            await heard.respond(answer)

        await keeps.client.subscribe(f"{keeps.place}.>", cb=reply)
        await keeps.client.flush()
        (told,) = await broker.publish([message(keeps.place)])
        assert isinstance(told, NotConfirmed)
        assert told.cause == "somebody else than JetStream has answered (-1)"
    await broker.close()


async def test_what_is_given_to_a_lost_connection_is_not_confirmed(nats_server: NatsServer) -> None:
    """It may be lost in the middle of a call; and nothing is left waiting in it."""
    broker = NatsBroker(nats_server.url)
    connection = await Connection.to([nats_server.url], 5, {})
    await connection.close()
    call = Call()
    told = await broker._give(connection, call, message("nowhere"), asyncio.get_running_loop().time() + 60)
    assert isinstance(told, NotConfirmed)
    assert told.cause == "nats: connection closed"
    late = await broker._give(connection, call, message("nowhere"), 0)
    assert isinstance(late, NotConfirmed)
    assert late.cause == "there was no time left to send it"
    await call.ended(600)
    connection.forget(call)
    assert not connection._waiting
    assert not await connection.lives()


async def test_a_connection_that_breaks_while_it_is_closed_is_closed(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to be told."""
    connection = await Connection.to([nats_server.url], 5, {})
    close = connection._client.close

    async def breaking() -> None:
        await close()
        raise ConnectionResetError

    monkeypatch.setattr(connection._client, "close", breaking)
    await connection.close()
    assert connection.closed


@pytest.mark.parametrize("option", ["allow_reconnect", "error_cb", "self_destruct"])
def test_what_the_client_does_not_take_is_told_when_it_is_made(option: str) -> None:
    """So is what would have it keep messages of a connection that is lost."""
    with pytest.raises(WiringError, match=f"NatsBroker takes no {option}="):
        NatsBroker("nats://127.0.0.1:1", **{option: True})


@pytest.mark.parametrize("within", [0, -1.0, float("nan")])
def test_no_time_is_no_bound(within: float) -> None:
    """Told when it is made."""
    with pytest.raises(WiringError, match="is no number of seconds"):
        NatsBroker("nats://127.0.0.1:1", within=within)


async def test_a_call_that_is_cancelled_leaves_nothing_behind(nats_server: NatsServer) -> None:
    """And the next one is answered as ever, whatever is said of the first one meanwhile."""
    async with through(nats_server.url) as proxy, keeper(nats_server.url) as keeps:
        await keeps.keep()
        broker = NatsBroker(proxy.url, within=600)
        assert await broker.publish([message(keeps.place)]) == [None]
        proxy.swallows = True
        calls = [asyncio.create_task(broker.publish([message(keeps.place) for _ in range(5)]))]
        await proxy.swallowed.wait()
        calls[0].cancel()
        await asyncio.wait(calls)
        assert calls[0].cancelled()
        assert broker._connection is not None
        assert not broker._connection._waiting
        proxy.swallows = False
        assert await broker.publish([message(keeps.place)]) == [None]
        await broker.close()


def test_a_call_ends_once() -> None:
    """However many answers come, and whatever comes behind its end."""

    async def run() -> None:
        call = Call()
        await call.ended(600)
        for _ in range(2):
            call.begin()
        waiting = asyncio.create_task(call.ended(600))
        await asyncio.sleep(0)
        call.stop()
        call.answer("1", Answer())
        await waiting
        assert call.answers == {"1": Answer()}

    asyncio.run(run())
