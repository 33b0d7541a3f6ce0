r"""A stand-in for TensorFlow Serving, for development and tests on machines without it.

    python -m export.serve --models=models/digits

Serves the newest version in a folder that `export.saved_model --publish` writes, under TensorFlow Serving's REST
addresses, and goes over to a new version once it is loaded and has run its warm-up requests. The client does not see
the difference; production does: this has no batching, no gRPC, no authentication, and Python between requests. There
use TensorFlow Serving itself (docs/serving.md).

| request                                              | answer                                                  |
|------------------------------------------------------|---------------------------------------------------------|
| GET /v1/models/NAME[/versions/N]                     | which version is available                              |
| GET /v1/models/NAME[/versions/N]/metadata            | the signatures                                          |
| POST /v1/models/NAME[/versions/N]:predict            | outputs, for `instances` (rows) or `inputs` (columns)   |
"""

import dataclasses
import functools
import http.server
import json
import re
import threading
from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework import types_pb2

from export import contract, rest, serving, warmup
from keras_gan import command
from keras_gan.command import option

LARGEST_REQUEST = 64 * 2**20


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of this command."""

    models: str = option("", "Folder of numbered versions, as --publish writes it.")
    name: str = option("", "The model's name in addresses; by default that of the folder.")
    host: str = option("127.0.0.1", "Address to listen on; only this machine by default.")
    port: int = option(8501, "Port to listen on; 0 for any that is free.", low=0, below=65536)


class Version:
    """A loaded version that has run its warm-up requests.

    Args:
        base: Path of the folder of versions.
        number: Its number.

    Raises:
        ValueError: If it cannot be loaded, or a warm-up request fails.
    """

    def __init__(self, base, number):
        self.number = number
        folder = Path(base, str(number))
        try:
            # What was loaded must stay referenced: its signatures do not hold its variables.
            self._loaded = tf.saved_model.load(str(folder))
            self.signatures = {name: rest.input_specs(call) for name, call in self._loaded.signatures.items()}
            for name, inputs in warmup.read(folder) if (folder / warmup.FILE).is_file() else []:
                self.run(name, inputs)
            self.metadata = contract.describe(folder)
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise ValueError(f"Version {number} cannot be served: {' '.join(str(error).split())}") from error

    def run(self, name, inputs):
        """Output arrays of a signature.

        Raises:
            ValueError: If the graph refuses the inputs.
        """
        try:
            outputs = self._loaded.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(error.message) from error
        return {key: value.numpy() for key, value in outputs.items()}


class Watcher:
    """Keeps the newest version of a folder loaded.

    Args:
        base: Path of the folder of versions.
        seconds: Between two looks at the folder.
    """

    def __init__(self, base, seconds=1.0):
        self.base = Path(base)
        self.current = None
        self._seconds = seconds
        self._broken = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def look(self):
        """Loads the newest version if it is not the one that is served; one that cannot be loaded is tried once."""
        newest = max((number for number in serving.versions(self.base) if number not in self._broken), default=None)
        if newest is None or (self.current is not None and newest == self.current.number):
            return
        try:
            self.current = Version(self.base, newest)  # The one before is served until this line is done.
            print(f"Serving version {newest}.", flush=True)
        except ValueError as error:
            self._broken.add(newest)
            print(error, flush=True)
            self.look()  # An older one may be newer than what is served.

    def _watch(self):
        while not self._stop.wait(self._seconds):
            try:
                self.look()
            except OSError as error:  # The folder may come back.
                print(f"{self.base} cannot be read: {error}", flush=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self._thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    """One request, answered by the version that is current when it comes."""

    protocol_version = "HTTP/1.1"
    server_version = "keras_gan-stand-in"

    def __init__(self, watcher, name, *args):
        self.watcher, self.name = watcher, name
        super().__init__(*args)

    def do_GET(self):
        version, route = self._find()
        if version is None:
            return
        if route == "":
            status = {"error_code": "OK", "error_message": ""}
            states = [{"version": str(version.number), "state": "AVAILABLE", "status": status}]
            self._answer(200, {"model_version_status": states})
        elif route == "/metadata":
            spec = {"name": self.name, "signature_name": "", "version": str(version.number)}
            signatures = {"signature_def": {"signature_def": _metadata(version.metadata)}}
            self._answer(200, {"model_spec": spec, "metadata": signatures})
        else:
            self._malformed()

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]+", length) or int(length) > LARGEST_REQUEST:
            self.close_connection = True  # The body stays unread.
            self._answer(413 if length else 411, {"error": f"The request must have at most {LARGEST_REQUEST} bytes"})
            return
        body = self.rfile.read(int(length))
        version, route = self._find()
        if version is None:
            return
        if route != ":predict":
            self._malformed()
            return
        try:
            signature, inputs, by_row = rest.decode(body, version.signatures)
            self._answer(200, rest.encode(version.run(signature, inputs), by_row))
        except (ValueError, RecursionError) as error:
            self._answer(400, {"error": str(error)})

    def _find(self):
        """The version that the address names, and the rest of the address; or `None`, after an error was sent."""
        match = re.fullmatch(r"/v1/models/([^/:]+)(?:/versions/([0-9]+))?((?:/metadata|:\w+)?)", self.path)
        if match is None:
            self._malformed()
            return None, None
        name, number, route = match.groups()
        version = self.watcher.current
        if name != self.name or version is None or (number is not None and int(number) != version.number):
            wanted = f"Latest({name})" if number is None else f"Specific({name}, {number})"
            self._answer(404, {"error": f"Servable not found for request: {wanted}"})
            return None, None
        return version, route

    def _malformed(self):
        self._answer(404, {"error": f"Malformed request: {self.command} {self.path}"})

    def _answer(self, status, contents):
        body = contents if isinstance(contents, bytes) else json.dumps(contents).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


def _metadata(signatures):
    """Signatures in the form that the server's `metadata` has them."""

    def tensor(described):
        sizes = [{"size": str(-1 if size is None else size), "name": ""} for size in described["shape"]]
        dtype = types_pb2.DataType.Name(tf.as_dtype(described["dtype"]).as_datatype_enum)
        return {
            "dtype": dtype,
            "tensor_shape": {"dim": sizes, "unknown_rank": False},
            "name": "",
        }

    return {
        name: {
            **{side: {key: tensor(value) for key, value in signature[side].items()} for side in ("inputs", "outputs")},
            "method_name": contract.METHOD,
        }
        for name, signature in signatures.items()
    }


def make_server(watcher, name, host="127.0.0.1", port=0):
    """An HTTP server for the version that a `Watcher` has.

    Args:
        watcher: `Watcher`.
        name: The model's name.
        host: Address to listen on.
        port: Port to listen on; 0 for any that is free.

    Returns:
        `http.server.ThreadingHTTPServer`, listening; `serve_forever` answers.
    """
    server = http.server.ThreadingHTTPServer((host, port), functools.partial(_Handler, watcher, name))
    server.daemon_threads = True
    return server


def main(argv=None):
    """Reads the flags, from the command line or `argv`, and serves until it is interrupted."""
    args, _ = command.parse(Config, "python -m export.serve", __doc__, argv)
    if not args.models:
        command.fail("expected --models, a folder of versions (see --help)")
    command.run(lambda: _serve(args))


def _serve(args):
    base = Path(args.models).absolute()
    name = serving.check_name(args.name or base.name)
    if not base.is_dir() or not serving.versions(base):
        raise ValueError(
            f"Expected a folder of numbered versions, made by export.saved_model --publish. Received: {base}"
        )
    watcher = Watcher(base)
    watcher.look()
    if watcher.current is None:
        raise ValueError(f"No version in {base} can be served.")
    with watcher, make_server(watcher, name, args.host, args.port) as server:
        host, port = server.server_address[:2]
        print(f"A stand-in for TensorFlow Serving, for development: http://{host}:{port}/v1/models/{name}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("Stopped.")


if __name__ == "__main__":
    main()
