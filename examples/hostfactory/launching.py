"""What follows from a request: the provider is asked for its machines, and what it says of each becomes a command.

It follows the log, so a provider that is slow or away delays no command; it is asked again until it answers.
"""

from examples.hostfactory.commands import UpdateMachineStatus
from examples.hostfactory.domain import MachinesRequested, MachineStatus, NotThatWay
from examples.hostfactory.ports import Provider, Templates
from twofold import CommandBus, Failure, Module, Success

launching = Module("hostfactory.launching")


@launching.on(MachinesRequested)
async def launch(event: MachinesRequested, templates: Templates, provider: Provider, commands: CommandBus) -> None:
    template = (await templates.get(event.template_id)).unwrap()
    launched = await provider.launch(template, event.machine_ids, event.attributes)
    for machine_id in event.machine_ids:
        address = launched.get(machine_id)
        status, metadata = (
            (MachineStatus.FAILED, {"reason": "no room"})
            if address is None
            else (MachineStatus.LAUNCHED, {"address": address})
        )
        told = await commands.execute(
            UpdateMachineStatus(request_id=event.request_id, machine_id=machine_id, status=status, metadata=metadata)
        )
        match told:
            case Success() | Failure(NotThatWay()):  # it has come further by itself, or this was told before
                pass
            case Failure(error):
                raise error
