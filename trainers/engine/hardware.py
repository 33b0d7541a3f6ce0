"""Devices that a run computes on, and the precision; or one sentence on why it cannot."""

import contextlib
import faulthandler
import hashlib
import json
import os
import signal
import socket
import tempfile
from pathlib import Path

import tensorflow as tf

from keras_gan import distribution
from keras_gan.layers import convolution
from trainers.engine import joining

NAMES = ("none", "mirrored", "multiworker", "tpu")
_SECONDS = 5  # to wait for an address; TensorFlow itself would wait for many minutes
_SECONDS_TO_CONNECT = 300  # of workers that are all there; TensorFlow would take an hour, and no signal


def make_strategy(config):
    """The strategy that the flags ask for.

    Args:
        config: `trainers.engine.flags.Config`.

    Returns:
        `tf.distribute.Strategy`; the default one for `none`.

    Raises:
        ValueError: If what it needs is missing; it says what was looked for.
    """
    name = strategy_name(config)
    if config.cpu_devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        devices = [tf.config.LogicalDeviceConfiguration()] * config.cpu_devices
        tf.config.set_logical_device_configuration(cpu, devices)
    if name == "mirrored":
        cpus = [device.name for device in tf.config.list_logical_devices("CPU")]
        return tf.distribute.MirroredStrategy(cpus if config.cpu_devices > 1 else None)
    if name == "multiworker":
        return _multiworker(config.join_timeout)
    if name == "tpu":
        return _tpu(config)
    return tf.distribute.get_strategy()


def strategy_name(config):
    """The strategy's name: `--tpu` and its companions stand for `--strategy=tpu`."""
    if config.strategy not in NAMES:
        raise ValueError(f"--strategy must be one of {list(NAMES)}. Received: --strategy={config.strategy}")
    asked = config.tpu or config.tpu_name or config.tpu_zone or config.tpu_project
    if asked and config.strategy not in ("none", "tpu"):
        raise ValueError(f"--tpu does not go with another strategy. Received: --strategy={config.strategy}")
    return "tpu" if asked else config.strategy


def is_chief(strategy):
    """Tells whether this process is the one that writes files."""
    resolver = strategy.cluster_resolver
    return resolver is None or not resolver.task_type or resolver.task_id == 0


@contextlib.contextmanager
def worker(strategy, folder):
    """Trains as one of several workers, or as the only one: all take part in everything, and one writes and prints.

    Args:
        strategy: `tf.distribute.Strategy`.
        folder: Run folder.

    Yields:
        The folder to write to: the run folder for the chief, and for the others one that is removed at the end.

    Raises:
        OSError: If another worker is lost meanwhile.
    """
    with contextlib.ExitStack() as stack:
        if not is_chief(strategy):
            nowhere = stack.enter_context(Path(os.devnull).open("w"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keras_gan-")), folder.name)
        try:
            yield folder
        except Exception as error:
            if not _is_loss_of_worker(error):
                raise
            raise OSError(
                "Another worker was lost. Start all workers again with the same commands: they go on from the last "
                "checkpoint."
            ) from None


def _is_loss_of_worker(error):
    """Tells whether TensorFlow said that another worker is gone; Keras may have failed in turn to pass that on."""
    while error and not isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError)):
        error = error.__cause__ or error.__context__
    return error is not None


def check_same(strategy, what, value):
    """Refuses to go on if the workers differ in a value, which each of them has to bring here.

    Args:
        strategy: `tf.distribute.Strategy`.
        what: What the value is, for the message.
        value: Anything whose `repr` tells.

    Raises:
        ValueError: If they differ.
    """
    # As many bits as a mean of float64 keeps exactly.
    number = int(hashlib.sha256(repr(value).encode()).hexdigest()[:10], 16)
    if distribution.mean_over_workers(strategy, number) != number:
        raise ValueError(
            f"The workers differ in their {what}: start all of them with the same flags, on the same data, and with an "
            "--out that all of them can read."
        )


def distribute(strategy, load, rows):
    """The data that `fit` is given: whole batches, or this worker's part of every batch, which alone it reads.

    A batch is the same examples whatever the number of workers: worker w of W has its w-th contiguous part, and
    replica r of that worker the r-th part of that. So the order knows nothing of workers, and a run goes on with
    another number of them at any step, without losing or repeating an example.

    Args:
        strategy: `tf.distribute.Strategy`.
        load: Function of the `part` of `data.load`, or `None`, that returns a `tf.data.Dataset`.
        rows: Size of a global batch.

    Returns:
        `tf.data.Dataset` or `tf.distribute.DistributedDataset`.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return load(None)

    def share(context):
        own = load((context.input_pipeline_id, context.num_input_pipelines))
        size = context.get_per_replica_batch_size(rows)
        if size == rows // context.num_input_pipelines:
            return own
        return own.unbatch().batch(size, drop_remainder=True).prefetch(2)

    return strategy.distribute_datasets_from_function(share)


def _multiworker(join_timeout):
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        own = cluster["worker"][task["index"]]
        valid = list(cluster) == ["worker"] and task["type"] == "worker"
    except (ValueError, KeyError, TypeError, IndexError):
        valid = False
    if not valid:
        raise ValueError(
            "--strategy=multiworker needs the environment variable TF_CONFIG, as "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}} with this worker\'s '
            f"index. Received: TF_CONFIG={text!r}"
        )
    addresses, index = cluster["worker"], task["index"]
    if index == 0:
        print(f"Waiting for all workers, at most {join_timeout:g} minutes: {', '.join(addresses)}", flush=True)
    joining.meet(addresses, index, join_timeout)
    with Path(os.devnull).open("w") as nowhere:
        # Ends the process even where another was lost in between, and nothing of Python can run.
        faulthandler.dump_traceback_later(_SECONDS_TO_CONNECT, exit=True, file=nowhere)
        try:
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
        except tf.errors.OpError as error:
            raise OSError(
                f"Worker {own} could not join the others: each must start once, and on a port of its own. "
                f"Received: {str(error).splitlines()[0][:100]}"
            ) from None
        finally:
            faulthandler.cancel_dump_traceback_later()
    # TensorFlow has just set a handler, unknown to Python, that ignores the signal.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return strategy


def _tpu(config):
    name = config.tpu_name or "local"
    if name.startswith("grpc://"):
        _probe(name.removeprefix("grpc://"), f"--tpu looked for a TPU at {name}")
    elif name != "local":
        _probe("metadata.google.internal:80", f"--tpu looked for the Cloud TPU {name!r}, through the metadata server")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(
            name, zone=config.tpu_zone or None, project=config.tpu_project or None
        )
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (tf.errors.OpError, OSError, ValueError) as error:
        looked = "on this machine" if name == "local" else f"under the name {name!r}"
        raise ValueError(
            f"--tpu looked for a TPU {looked} and found none: it needs a TPU VM and the package tensorflow-tpu in "
            f"place of tensorflow. Received: {str(error).splitlines()[0][:100]}"
        ) from None
    return tf.distribute.TPUStrategy(resolver)


def _probe(address, looked):
    """Refuses an address that nobody answers at, within seconds."""
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port or 8470)), timeout=_SECONDS).close()
    except (OSError, ValueError) as error:
        raise ValueError(f"{looked}, and nothing answered within {_SECONDS} seconds: {error}") from None


def accelerators():
    """The devices of this process that are not processors."""
    return tf.config.list_physical_devices("GPU") + tf.config.list_logical_devices("TPU")


def native_bfloat16():
    """The unit that computes in bfloat16, or `None`."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        return f"compute capability {capability[0]}.{capability[1]}" if capability >= (8, 0) else None
    unit = convolution.bfloat16_unit()
    return unit and f"processor with {unit}"
