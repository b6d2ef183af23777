import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("twofold", deadline=None)
settings.load_profile("twofold")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
