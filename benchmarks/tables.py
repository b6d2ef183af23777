"""The read model of the shop, for both of its writings."""

from uuid import UUID

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Tables(DeclarativeBase):
    """The read model."""


class Summary(Tables):
    __tablename__ = "summary"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    status: Mapped[str]
    total: Mapped[int]
