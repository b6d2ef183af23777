"""Where accounts are kept: the table behind the entity, and the write repository on the session of a unit of work."""

import asyncio
import base64
import hashlib
import secrets
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import Boolean, Column, MetaData, String, Table, Uuid
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import registry

from examples.accounts.domain import Account, EmailTaken
from twofold import Failure, NotFound, Result, Success

account_table = Table(
    "account",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("password_hash", String, nullable=False),
    Column("closed", Boolean, nullable=False),
)

registry().map_imperatively(Account, account_table)


class SqlAccounts:
    """The write repository; the database has the last word on who owns an address."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, account_id: UUID) -> Result[Account, NotFound]:
        account = await self._session.get(Account, account_id)
        return Failure(NotFound(f"there is no account {account_id}")) if account is None else Success(account)

    async def save(self, account: Account) -> Result[Account, EmailTaken]:
        email = account.email
        self._session.add(account)
        try:
            await self._session.flush()
        except IntegrityError:
            return Failure(EmailTaken(email))
        return Success(account)


class ScryptPasswords:
    """Hashes with scrypt (RFC 7914), in a thread: it takes a while on purpose."""

    def __init__(self, cost: int = 2**14) -> None:
        self._cost = cost

    async def hashed(self, password: SecretStr) -> str:
        return await asyncio.to_thread(self._hash, password.get_secret_value().encode(), secrets.token_bytes(16))

    def _hash(self, password: bytes, salt: bytes) -> str:
        digest = hashlib.scrypt(password, salt=salt, n=self._cost, r=8, p=1)
        return f"scrypt:{self._cost}:{base64.b64encode(salt).decode()}:{base64.b64encode(digest).decode()}"
