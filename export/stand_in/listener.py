"""An HTTP server for a WSGI application: waitress, with errors as JSON and an end that cuts nothing off."""

import socket
import threading
import time

import waitress
from waitress import channel, task, wasyncore

from export.stand_in import rest
from export.stand_in.application import LARGEST_REQUEST

# As many threads as connections: a connection has one request at a time, so none ever waits for a thread, and who asks
# for the status is answered while others compute.
CONNECTIONS = 100
SECONDS_TO_END = 30.0


class _ErrorTask(task.ErrorTask):
    """Refuses what does not reach the application, such as too large a request, in the form of the application."""

    def execute(self):
        error, largest = self.request.error, self.channel.adj.max_request_body_size - 1
        too_large = f"The request must have at most {largest} bytes"
        body = rest.error(too_large if error.code == 413 else f"{error.reason}: {error.body}")
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(channel.HTTPChannel):
    error_task_class = _ErrorTask


class Listener:
    """Listens from the beginning, and answers in `run`. A context that closes it in the end.

    Args:
        application: WSGI application.
        host: Address to listen on.
        port: Port to listen on; 0 for any that is free.
        largest_request: The largest number of bytes that a request may have.

    Attributes:
        address: The address of `/`, for example `http://127.0.0.1:8501/`.

    Raises:
        OSError: If the port is in use, or the address is not one of this machine.
    """

    def __init__(self, application, host="127.0.0.1", port=0, largest_request=LARGEST_REQUEST):
        try:
            family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listening = socket.create_server(place[:2], family=family)
        except OSError as error:
            raise OSError(f"Cannot listen on {host} port {port}: {error.strerror or error}") from error
        self._sockets = {}
        self._server = waitress.create_server(
            application,
            map=self._sockets,
            sockets=[listening],
            threads=CONNECTIONS,
            connection_limit=CONNECTIONS + 2,  # Its own two sockets count.
            max_request_body_size=largest_request + 1,
            outbuf_overflow=2**24,  # Up to that many bytes of an answer wait in memory rather than in a file.
            ident="keras_gan-stand-in",
        )
        self._server.channel_class = _Channel
        self._stop = threading.Event()
        host, port = listening.getsockname()[:2]
        self.address = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def run(self):
        """Answers requests until `stop` is called, and then those that have been read."""
        while not self._stop.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=self._sockets, count=1)
        self._server.accepting = False
        end = time.monotonic() + SECONDS_TO_END
        while self._busy() and time.monotonic() < end:
            wasyncore.loop(timeout=0.1, use_poll=True, map=self._sockets, count=1)

    def stop(self):
        """Makes `run` return. May be called from any thread, and from a handler of signals."""
        self._stop.set()
        self._server.pull_trigger()

    def _busy(self):
        channels = list(self._server.active_channels.values())
        return any(connection.requests or connection.total_outbufs_len for connection in channels)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._sockets)
