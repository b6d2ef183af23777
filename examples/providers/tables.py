"""The tables, and how values of the domain are written in them."""

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import DateTime, Dialect, Index, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class SecretText(TypeDecorator[SecretStr]):
    """A secret that has to be had again. A real service encrypts it here, with a key that the database has not."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: SecretStr | None, dialect: Dialect) -> str | None:
        return None if value is None else value.get_secret_value()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> SecretStr | None:
        return None if value is None else SecretStr(value)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Tables(DeclarativeBase):
    type_annotation_map: ClassVar = {datetime: Moment(), SecretStr: SecretText()}


class UserRow(Tables):
    __tablename__ = "app_user"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str]


class SessionRow(Tables):
    __tablename__ = "app_session"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(index=True)
    token_digest: Mapped[str] = mapped_column(unique=True)
    opened_at: Mapped[datetime]
    active: Mapped[bool] = mapped_column(default=True)


class ConnectionRow(Tables):
    __tablename__ = "connection"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(index=True)
    provider: Mapped[str]
    account: Mapped[str]
    access_token: Mapped[SecretStr | None]
    refresh_token: Mapped[SecretStr | None]
    expires_at: Mapped[datetime]
    active: Mapped[bool] = mapped_column(default=True)


_ACTIVE = ConnectionRow.active.is_(True)
Index(
    "one_active_connection",
    ConnectionRow.user_id,
    ConnectionRow.provider,
    unique=True,
    sqlite_where=_ACTIVE,
    postgresql_where=_ACTIVE,
)


class TrailRow(Tables):
    __tablename__ = "trail"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(index=True)
    event: Mapped[str]
    provider: Mapped[str | None]
    reason: Mapped[str | None]
