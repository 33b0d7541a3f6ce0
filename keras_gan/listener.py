"""An HTTP server for a WSGI application: waitress, with errors as JSON and an end that cuts nothing off.

A browser sends what the pages of any site ask it to. So a request is refused that names another origin than the address
that it came to, or, where only this machine is served, came to another name, which its owner lets point here.
"""

import contextlib
import ipaddress
import json
import logging
import re
import signal
import socket
import threading
import time

import waitress
from waitress import channel, task, wasyncore

LARGEST_REQUEST = 64 * 2**20
# Most open connections are idle. Those with a request have a thread each, up to so many: who asks for the
# status is answered while others compute.
CONNECTIONS = 200
THREADS = 100
SECONDS_IDLE = 1.0  # After which a connection without a request is closed if there are too many.
SECONDS_UNREAD = 30.0  # After which one is closed whose client takes nothing of its answer.
SECONDS_TO_END = 30.0


def _error(reason):
    """The body of an answer that refuses a request."""
    return json.dumps({"error": reason}).encode()


class _ErrorTask(task.ErrorTask):
    """Refuses what does not reach the application, such as too large a request, in the form of the application."""

    def execute(self):
        error, largest = self.request.error, self.channel.adj.max_request_body_size - 1
        too_large = f"The request must have at most {largest} bytes"
        body = _error(too_large if error.code == 413 else f"{error.reason}: {error.body}")
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(channel.HTTPChannel):
    error_task_class = _ErrorTask

    def write_soon(self, data):
        self.last_activity = time.time()  # What is due from here on has not been waited for yet.
        return super().write_soon(data)


class _Guard:
    """Hands to a WSGI application what does not come from a page of another site.

    Args:
        application: WSGI application.
        names: The names in `Host` under which requests may come, beside addresses of this machine alone; `None` for
            all.
    """

    def __init__(self, application, names):
        self._application = application
        self._names = names

    def __call__(self, environ, start_response):
        reason = self._reason(environ.get("HTTP_HOST", "").lower(), environ.get("HTTP_ORIGIN"))
        if reason is None:
            return self._application(environ, start_response)
        body = _error(reason)
        start_response("403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _reason(self, host, origin):
        """The reason why a request is refused, or `None`."""
        if host and self._names is not None and not self._is_here(host):
            return f"Only this machine is served, as localhost (see --host). Received: Host {host}"
        if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
            return f"Pages of other origins are refused. Received: Origin {origin} at Host {host}"
        return None

    def _is_here(self, host):
        name = re.sub(r":[0-9]*\Z", "", host)
        return name in self._names or _is_loopback(name.removeprefix("[").removesuffix("]"))


def _is_loopback(address):
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


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
        only_here = _is_loopback(listening.getsockname()[0])
        self._server = waitress.create_server(
            _Guard(application, {"localhost", host.lower()} if only_here else None),
            map=self._sockets,
            sockets=[listening],
            threads=THREADS,
            connection_limit=CONNECTIONS + 2,  # Its own two sockets count.
            max_request_body_size=largest_request + 1,
            outbuf_overflow=2**24,  # Up to that many bytes of an answer wait in memory rather than in a file.
            ident="keras_gan",
        )
        self._server.channel_class = _Channel
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # To wait for a thread is nothing to report.
        self._stop = threading.Event()
        host, port = listening.getsockname()[:2]
        self.address = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def run(self):
        """Answers requests until `stop` is called, and then those that have been read."""
        while not self._stop.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=self._sockets, count=1)
            self._make_room()
        self._server.accepting = False
        end = time.monotonic() + SECONDS_TO_END
        while self._busy() and time.monotonic() < end:
            wasyncore.loop(timeout=0.1, use_poll=True, map=self._sockets, count=1)

    def stop(self):
        """Makes `run` return. May be called from any thread, and from a handler of signals."""
        self._stop.set()
        self._server.pull_trigger()

    @contextlib.contextmanager
    def stopped_by_signals(self):
        """Within it, SIGTERM and SIGINT (Ctrl+C) end the server instead of the process."""
        before = {number: signal.signal(number, lambda *_: self.stop()) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _make_room(self):
        """Closes connections that keep others waiting: such as take no answer, and the longest idle of too many."""
        channels, now = list(self._server.active_channels.values()), time.time()
        idle = []
        for connection in channels:
            waited = now - connection.last_activity
            if connection.total_outbufs_len:
                if waited > SECONDS_UNREAD:
                    connection.handle_close()
            elif not connection.requests and waited > SECONDS_IDLE:
                idle.append(connection)
        idle.sort(key=lambda connection: connection.last_activity)
        for connection in idle[: max(0, len(self._server.active_channels) - CONNECTIONS + 1)]:
            connection.handle_close()

    def _busy(self):
        channels = list(self._server.active_channels.values())
        return any(connection.requests or connection.total_outbufs_len for connection in channels)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._sockets)
