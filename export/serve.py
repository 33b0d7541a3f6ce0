r"""A stand-in for TensorFlow Serving, for development and tests on machines without it.

    python -m export.serve --models=models/digits

Serves the newest version in a folder that `export.saved_model --publish` writes, under TensorFlow Serving's REST
addresses, and goes over to a new version once it is loaded and has run its warm-up requests. The client does not see
the difference; production does: this has no batching, no authentication, and Python between requests. There use
TensorFlow Serving itself (docs/serving.md). A folder of several such folders is several models.

Pages of other origins are refused, and on loopback other names than this machine's. A request that would need more than
2 GiB of memory is refused before it is read or computed, with the number of rows that would do.

| request                                              | answer                                                  |
|------------------------------------------------------|---------------------------------------------------------|
| GET /v1/models/NAME[/versions/N]                     | which versions there are, and which is available        |
| GET /v1/models/NAME[/versions/N]/metadata            | the signatures                                          |
| POST /v1/models/NAME[/versions/N]:predict            | outputs, for `instances` (rows) or `inputs` (columns)   |
| GET /                                                | a page that shows samples                               |

The same over gRPC, on a port of its own: PredictionService with Predict and GetModelMetadata, and ModelService with
GetModelStatus, for clients that were written for the server.
"""

import contextlib
import dataclasses
import gc
from importlib import util

from export.stand_in import watching
from keras_gan import cli
from keras_gan.cli import option

PACKAGES = ("waitress", "werkzeug")
GRPC_PACKAGES = ("grpc", "tensorflow_serving")


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of this command."""

    models: str = option("", "Folder of numbered versions, as --publish writes it, or folder of such folders.")
    name: str = option("", "The name in addresses of a single model; by default that of its folder.")
    host: str = option("127.0.0.1", "Address to listen on; only this machine by default.")
    port: int = option(8501, "Port to listen on; 0 for any that is free.", low=0, below=65536)
    grpc_port: int = option(8500, "The same for gRPC; -1 for none.", low=-1, below=65536)


def main(argv=None):
    """Reads the flags, from the command line or `argv`, and serves until it is told to stop."""
    args, _ = cli.parse(Config, "python -m export.serve", __doc__, argv)
    if not args.models:
        cli.fail("expected --models, a folder of versions (see --help)")
    cli.run(lambda: _serve(args))


def _serve(args):
    cli.require(PACKAGES, "Serving")
    from export.stand_in import application
    from keras_gan import listener

    models = watching.find(args.models, args.name)
    gc.freeze()  # What is imported by now stays: looking through it for garbage would stop all requests each time.
    for model in models:
        model.look()
        if model.current is None:
            raise ValueError(f"No version in {model.base} can be served.")
    answering = application.Application(models)
    with (
        listener.Listener(answering, args.host, args.port) as server,
        _grpc_server(answering.served, args) as address,
        server.stopped_by_signals(),
    ):
        print("A stand-in for TensorFlow Serving, for development. Samples to look at:", server.address, flush=True)
        if address:
            print(f"gRPC: {address}", flush=True)
        for model in models:
            print(f"{server.address}v1/models/{model.name}", flush=True)
        with contextlib.ExitStack() as watched:
            for model in models:
                watched.enter_context(model)
            server.run()
    print("Stopped.")


@contextlib.contextmanager
def _grpc_server(models, args):
    """Answers over gRPC meanwhile, where the packages are there; yields the address, or `None`."""
    if args.grpc_port < 0:
        yield None
        return
    if any(util.find_spec(name) is None for name in GRPC_PACKAGES):
        print("No gRPC, which needs: pip install tensorflow-serving-api", flush=True)
        yield None
        return
    from export.stand_in import rpc

    with rpc.Server(models, args.host, args.grpc_port) as server:
        yield server.address


if __name__ == "__main__":
    main()
