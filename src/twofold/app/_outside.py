"""The writers of an application: read at its start, made by the container, each under a name of its own."""

from collections.abc import Iterable, Iterator, Sequence

from dishka import Provider, Scope

from twofold.dispatch import Module
from twofold.errors import Fault, FaultError
from twofold.projections import Writer


def read_writers(modules: Iterable[Module], taken: Iterable[str]) -> tuple[list[Writer], list[Fault]]:
    """The writers of modules, and what is wrong with those that are none.

    Args:
        modules: The modules.
        taken: Names under which checkpoints are kept already.
    """
    writers: list[Writer] = []
    faults: list[Fault] = []
    names = set(taken)
    for declaration in (declaration for module in modules for declaration in module.writers):
        try:
            writers.append(Writer.of(declaration))
        except FaultError as error:
            faults += error.faults
        faults.extend(same_name(f"writer {declaration.name}", declaration.name, names))
    return writers, faults


def same_name(where: str, name: str, names: set[str]) -> Iterator[Fault]:
    """The fault of a name that is taken; it is taken from now on."""
    if name in names:
        text, hint = (
            "shares its name with another that follows the log",
            "rename it: a checkpoint is kept under the name",
        )
        yield Fault(where=where, code="duplicate_name", text=text, hint=hint)
    names.add(name)


def writer_provider(writers: Sequence[Writer]) -> Provider:
    """What makes each writer once, with what its class asks for."""
    provider = Provider(scope=Scope.APP)
    for cls in dict.fromkeys(writer.cls for writer in writers):
        provider.provide(cls)
    return provider
