"""Taking a port before anything else is opened, so that a port in use costs nothing and is said clearly."""

import errno
import socket

from twofold.errors import Unavailable, WiringError


class PortInUse(Unavailable):
    """Somebody else serves on the port."""

    code = "port_in_use"

    @property
    def hint(self) -> str:
        """Two ways out."""
        return "stop the other one, or choose another with --port; 0 takes a free one"


def take(host: str, port: int) -> socket.socket:
    """A socket on an address, not yet listening.

    Args:
        host: A name or an address, IPv4 or IPv6.
        port: The port; 0 for a free one.

    Raises:
        PortInUse: Somebody else has it.
        WiringError: The address is not one of this machine, or may not be used.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(address)
        except BaseException:
            taken.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(f"port {port} of {host} is in use") from error
        raise WiringError(f"cannot serve on {host} port {port}: {error.strerror or error}") from error
    return taken


def url_of(taken: socket.socket) -> str:
    """Where a browser finds what is served on a socket."""
    host, port = taken.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
