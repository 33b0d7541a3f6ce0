"""The meeting of workers before TensorFlow connects them: who is missing is named, and waiting can be interrupted.

TensorFlow's own waiting takes no signal but SIGKILL, holds Python's lock, and ends after an hour. So the workers meet
here first, over plain sockets, at the address that the first of them is going to use.
"""

import contextlib
import hashlib
import json
import selectors
import socket
import time

_GO, _HELLO_SECONDS, _LINE = "go", 5.0, 100_000


def meet(addresses, index, minutes):
    """Waits until all workers of a cluster have started.

    Args:
        addresses: List of `"host:port"`, one for each worker.
        index: Which of them this process is.
        minutes: How long to wait; each process needs the same.

    Raises:
        OSError: If some are missing then, whose addresses it names, or if the port of the first is taken.
        ValueError: If two processes are the same worker, or the workers were told different addresses.
    """
    deadline = time.monotonic() + 60 * minutes
    if index == 0:
        _receive_all(addresses, deadline, minutes)
    else:
        _report_to_the_first(addresses, index, deadline, minutes)


def _missing(addresses, indices, minutes):
    names = ", ".join(f"worker {index} at {addresses[index]}" for index in sorted(indices))
    return (
        f"Waiting ended after --join_timeout={minutes:g} minutes without {names}: see whether they run, and whether "
        f"{addresses[0]} can be reached from there."
    )


def _digest(addresses):
    return hashlib.sha256(json.dumps(addresses).encode()).hexdigest()[:16]


def _receive_all(addresses, deadline, minutes):
    """The first worker's part: notes who is there, until all are, and tells them."""
    host, _, port = addresses[0].rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    present = {}
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(socket.create_server(("", int(port)), family=family, backlog=len(addresses)))
        except OSError as error:
            raise OSError(f"Worker 0 cannot listen at {addresses[0]}: {error.strerror}.") from None
        waiting = stack.enter_context(selectors.DefaultSelector())
        waiting.register(server, selectors.EVENT_READ)
        stack.callback(lambda: [connection.close() for connection in present.values()])
        while len(present) < len(addresses) - 1:
            left = deadline - time.monotonic()
            if left <= 0:
                text = _missing(addresses, set(range(1, len(addresses))) - set(present), minutes)
                _tell(present.values(), text)
                raise OSError(text)
            for key, _ in waiting.select(left):
                if key.fileobj is server:
                    connection = _accept(server, addresses, present)
                    if connection is not None:
                        waiting.register(connection, selectors.EVENT_READ)
                else:  # A worker that waits says nothing more: this is its end.
                    waiting.unregister(key.fileobj)
                    present = {index: each for index, each in present.items() if each is not key.fileobj}
                    key.fileobj.close()
        _tell(present.values(), _GO)


def _accept(server, addresses, present):
    """Notes one more worker; its connection, or `None` for whatever else came."""
    connection, _ = server.accept()
    connection.settimeout(_HELLO_SECONDS)
    try:
        digest, index = json.loads(_read_line(connection))
    except (OSError, ValueError, TypeError):
        connection.close()
        return None
    text = ""
    if digest != _digest(addresses):
        text = f"The workers were told different addresses. Received, as worker 0: {', '.join(addresses)}"
    elif index in present:
        text = f"Two processes are worker {index}: give each an index of its own in TF_CONFIG."
    if text:
        _tell([connection], text)
        connection.close()
        return None
    present[index] = connection
    return connection


def _tell(connections, text):
    for connection in connections:
        with contextlib.suppress(OSError):  # It has gone, as others will say.
            connection.sendall(f"{json.dumps(text)}\n".encode())


def _read_line(connection):
    with connection.makefile("rb") as file:
        return file.readline(_LINE)


def _report_to_the_first(addresses, index, deadline, minutes):
    """Another worker's part: finds the first, says who it is, and waits for its word."""
    host, _, port = addresses[0].rpartition(":")
    while time.monotonic() < deadline:
        answer = None
        # What is not there yet, or still ends an earlier run, is asked again.
        with (
            contextlib.suppress(OSError, ValueError),
            socket.create_connection((host.strip("[]"), int(port)), timeout=_HELLO_SECONDS) as connection,
        ):
            connection.sendall(f"{json.dumps([_digest(addresses), index])}\n".encode())
            # The first may have begun to wait as late as this.
            connection.settimeout(60 * minutes + _HELLO_SECONDS)
            answer = json.loads(_read_line(connection))
        if answer == _GO:
            return
        if isinstance(answer, str):
            raise (OSError if answer.startswith("Waiting") else ValueError)(answer)
        time.sleep(min(0.2, max(0.0, deadline - time.monotonic())))
    raise OSError(_missing(addresses, {0}, minutes))
