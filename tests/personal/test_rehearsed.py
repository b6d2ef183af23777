"""An application with personal data under the test kit: its events are plain there, and no real key is touched."""

from pathlib import Path

import pytest

from tests.personal.shop import CANARY, Introduce, Introduced, Registered, Shop
from twofold.personal import MemoryKeyStore
from twofold.testing import Fault, given

pytestmark = pytest.mark.anyio


async def test_what_is_given_and_recorded_is_plain(fault: Fault, tmp_path: Path) -> None:
    """Whatever goes wrong; the keys of the application are left alone."""
    keys = MemoryKeyStore()
    past = Registered(customer="c9", email="c@example.org")
    await (
        given(Shop(keys).app(tmp_path / "shop.db"), past, fault=fault)
        .when(Introduce(customer="7f3", friend="b2", email=CANARY, name="Grace"))
        .then(Introduced(customer="7f3", friend="b2", email=CANARY, name="Grace"))
    )
    assert await keys.subjects() == []
