"""A port that takes connections."""

from collections.abc import Awaitable, Callable

import trio


async def serve_port(
    serve_socket: Callable[[trio.SocketStream], Awaitable[object]],
    host: str,
    port: int,
    *,
    accepting: trio.CancelScope,
    task_status: trio.TaskStatus[tuple[str, int]],
) -> None:
    """Give each connection to a task of its own, until ``accepting`` is cancelled.

    ``started`` gives the real host and port; port 0 takes any free one. Returns once every
    connection has been served to its end. ``serve_socket`` must not raise: that ends the others.

    Raises:
        OSError: the address can't be listened on.

    """
    listeners = await trio.open_tcp_listeners(port, host=host)
    address = listeners[0].socket.getsockname()[:2]
    async with trio.open_nursery() as connections:
        task_status.started(address)
        with accepting:
            await trio.serve_listeners(serve_socket, listeners, handler_nursery=connections)
