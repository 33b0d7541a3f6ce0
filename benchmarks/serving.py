"""The stand-in server under load, and the time of an answer by each way of running an exported generator.

    python -m benchmarks.serving

Clients ask without a pause, each in turn for one image and for sixteen, while a new version is published. Counted are
requests that failed, and answers whose images are not all of one version: the versions have opposite weights, and every
answer is compared with what its SavedModel makes. Then a single client measures each way of running the generator.
"""

import collections
import contextlib
import dataclasses
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from concurrent import futures
from pathlib import Path

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from benchmarks import tables
from keras_gan.cli import option
from keras_gan.export import loading, saved_model, tflite
from keras_gan.export.checks import verification
from keras_gan.export.publishing import serving, warmup
from keras_gan.networks import DCGANGenerator

NAME = "benchmark"
BATCHES = (1, 16)
QUESTIONS = 4  # Of each batch size.
SECONDS_PER_ROW = 4.0
LONGEST_WAIT = 60.0
# Two versions must differ by more than this in every image, in levels of 255; one version differs by 1 from itself.
APART = 8


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags of this benchmark."""

    model: str = option("", "A .keras generator; by default an untrained DCGAN of 32x32x3 images with 10 classes.")
    seconds: float = option(60.0, "Length of the load.", low=1.0)
    clients: int = option(16, "Clients that ask at the same time.", low=1)
    publishes: int = option(1, "New versions meanwhile.", low=0)


@dataclasses.dataclass(frozen=True)
class Question:
    """A request for images, and what each version answers.

    Args:
        rows: Number of images.
        body: The request.
        answers: Dictionary from a version's parity (its number modulo 2) to uint8 images.
    """

    rows: int
    body: bytes
    answers: dict


@dataclasses.dataclass
class Load:
    """The events under load.

    Args:
        seconds: How long it took.
        milliseconds: Dictionary from batch sizes to latencies.
        failures: Descriptions of requests that failed.
        mixed: Number of answers that are not by one version.
        changes: How often each client saw the version change.
    """

    seconds: float
    milliseconds: dict
    failures: list
    mixed: int
    changes: list


def write_versions(generator, folder, count):
    """Writes versions to publish, unchecked; other tests check them.

    Args:
        generator: A `keras_gan.networks.Generator` of images.
        folder: Path of the folder to write them to.
        count: How many; odd ones, counted from 1, have its weights, and even ones its opposite weights.

    Returns:
        List of their paths, to be moved to where they are served.
    """
    weights, paths = generator.get_weights(), []
    for number in range(1, count + 1):
        generator.set_weights(_weights(weights, number))
        path = Path(folder, f"new-{number}")
        saved_model.write(saved_model.functions(generator), path)
        warmup.write(path, NAME, verification.warmup_requests(generator, path))
        paths.append(path)
    generator.set_weights(weights)
    return paths


def _weights(weights, number):
    return [weight if number % 2 else -weight for weight in weights]


def questions(generator):
    """Requests by row for `sample`, of all batch sizes, with the answers of odd and even versions."""
    weights, found = generator.get_weights(), []
    for rows in BATCHES:
        for number in range(QUESTIONS):
            inputs = {"seed": np.arange(rows) + 100 * number, "truncation": np.ones(rows, "float32")}
            if generator.num_classes:
                inputs["label"] = (np.arange(rows, dtype="int32") + number) % generator.num_classes
            columns = {name: values.tolist() for name, values in inputs.items()}
            instances = [{name: values[row] for name, values in columns.items()} for row in range(rows)]
            body = json.dumps({"signature_name": "sample", "instances": instances}).encode()
            found.append((rows, body, inputs))
    answers = {}
    for parity in (1, 0):
        generator.set_weights(_weights(weights, parity))
        function, _ = saved_model.functions(generator)["sample"]
        answers[parity] = [function(**inputs)["images"].numpy() for _, _, inputs in found]
    generator.set_weights(weights)
    asked = [
        Question(rows, body, {1: odd, 0: even})
        for (rows, body, _), odd, even in zip(found, answers[1], answers[0], strict=True)
    ]
    if min(_distances(question.answers[1], question.answers[0]).min() for question in asked) <= APART:
        raise ValueError("The images of this generator and of its opposite are too similar to be told apart.")
    return asked


def _distances(some, others):
    """The largest difference of each image, in levels."""
    return np.abs(some.astype(int) - others).reshape(len(some), -1).max(axis=1)


def judge(question, body):
    """The parity of the version that made all images of an answer, or `None` if there is none."""
    images = np.array(json.loads(body)["predictions"])
    for parity, expected in question.answers.items():
        if images.shape == expected.shape and _distances(expected, images).max() <= 1:
            return parity
    return None


def load(address, asked, clients, seconds, publish=()):
    """Puts a server under load.

    Args:
        address: That of the model, for example `http://127.0.0.1:8501/v1/models/benchmark`.
        asked: List of `Question`.
        clients: Number of clients.
        seconds: How long they ask.
        publish: Functions that each publish a version, called at equal intervals. The last is waited for: the load
            goes on until every client has seen as many changes, for a minute at most.

    Returns:
        `Load`.
    """
    known, known_lock = [{} for _ in asked], threading.Lock()
    stop = threading.Event()
    milliseconds = collections.defaultdict(list)
    failures, changes, mixed = [], [0] * clients, [0] * clients

    def ask(client):
        place = urllib.parse.urlsplit(address)
        connection = http.client.HTTPConnection(place.netloc, timeout=60)
        number, before = client, None
        with contextlib.closing(connection):
            while not stop.is_set():
                number = (number + 1) % len(asked) if client % 2 else (number - 1) % len(asked)
                question = asked[number]
                began = time.perf_counter()
                try:
                    connection.request("POST", f"{place.path}:predict", question.body)
                    answer = connection.getresponse()
                    body = answer.read()
                except (OSError, http.client.HTTPException) as error:
                    failures.append(f"{type(error).__name__}: {error}")
                    connection.close()
                    continue
                milliseconds[question.rows].append(1000.0 * (time.perf_counter() - began))
                if answer.status != 200:
                    failures.append(f"status {answer.status}: {body[:200]!r}")
                    continue
                # Equal answers are judged once: clients that compute would slow down what they measure.
                if body not in known[number]:
                    with known_lock:
                        known[number][body] = judge(question, body)
                version = known[number][body]
                if version is None:
                    mixed[client] += 1
                    continue
                changes[client] += before not in (None, version)
                before = version

    began = time.perf_counter()
    with futures.ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(ask, client) for client in range(clients)]
        try:
            for step in range(len(publish) + 1):
                end = began + seconds * (step + 1) / (len(publish) + 1)
                while time.perf_counter() < end and not any(client.done() for client in running):
                    time.sleep(0.05)
                if step < len(publish):
                    publish[step]()
            while min(changes) < len(publish) and time.perf_counter() < began + seconds + LONGEST_WAIT:
                time.sleep(0.05)
        finally:
            stop.set()
        for client in running:
            client.result()
    return Load(time.perf_counter() - began, dict(milliseconds), failures, sum(mixed), changes)


@contextlib.contextmanager
def server(base):
    """Runs `python -m export.serve` on a folder of versions, and fails if it does not end well.

    Yields:
        The pair of the address of its model and the number of its process.
    """
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)])}
    line = [sys.executable, "-m", "export.serve", f"--models={base}", "--port=0", "--grpc_port=-1", f"--name={NAME}"]
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process), process.pid
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=60)
            if process.returncode or not rest.endswith("Stopped.\n"):
                raise RuntimeError(f"The server ended with status {process.returncode} and said: {rest}")
        finally:
            process.kill()


def _address(process):
    """The address that the server prints once it answers."""
    for line in process.stdout:
        if re.fullmatch(r"http://\S+/v1/models/\S+\n", line):
            return line.strip()
    raise RuntimeError("The server did not start.")


def resident(process):
    """Megabytes of memory that a process uses, or `None` where the system does not say."""
    try:
        status = Path(f"/proc/{process}/status").read_text("utf-8")
    except OSError:
        return None
    return int(re.search(r"VmRSS:\s+([0-9]+) kB", status).group(1)) / 1024


class Memory(threading.Thread):
    """Looks at the memory of a process every second, for as long as it is a context."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.megabytes = []
        self._process = process
        self._stop_looking = threading.Event()

    def run(self):
        while not self._stop_looking.wait(1.0):
            self.megabytes.append(resident(self._process))

    def mean(self, start, end):
        """The mean over a part of the time, given as fractions of it."""
        part = self.megabytes[int(start * len(self.megabytes)) : max(1, int(end * len(self.megabytes)))]
        return None if not part or None in part else statistics.mean(part)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self._stop_looking.set()
        self.join()


def percentiles(milliseconds):
    """The 50th, 90th and 99th."""
    return np.percentile(milliseconds, [50, 90, 99]).tolist()


def _row(title, batch, milliseconds, seconds):
    p50, p90, p99 = percentiles(milliseconds)
    rate = batch * len(milliseconds) / seconds
    return {"way": title, "batch": batch, "p50": p50, "p90": p90, "p99": p99, "rate": rate, "calls": len(milliseconds)}


def _time(title, batch, call):
    """Calls a function for some seconds; the row of what it took."""
    for _ in range(3):
        call()
    times, began = [], time.perf_counter()
    while time.perf_counter() - began < SECONDS_PER_ROW:
        start = time.perf_counter()
        call()
        times.append(1000.0 * (time.perf_counter() - start))
    return _row(title, batch, times, time.perf_counter() - began)


def _one_client(address, folder, generator):
    """Latencies of every way to run a generator, one request after the other."""
    place = urllib.parse.urlsplit(address)
    signatures = tf.saved_model.load(str(folder)).signatures
    file = folder.parent / "benchmark.tflite"
    tflite.export(generator, file, batch_sizes=BATCHES)
    interpreter = Interpreter(str(file), num_threads=1)
    names = tflite.signatures(BATCHES)
    for batch in BATCHES:
        latent = np.random.default_rng(0).normal(size=(batch, generator.latent_dim)).astype("float32")
        label = {"label": np.arange(batch, dtype="int32") % generator.num_classes} if generator.num_classes else {}
        seeds = {"seed": np.arange(batch), "truncation": np.ones(batch, "float32")}
        with contextlib.closing(http.client.HTTPConnection(place.netloc, timeout=60)) as connection:
            for name, inputs in (("sample_png", seeds | label), ("serving_default", {"latent": latent} | label)):
                columns = {key: value.tolist() for key, value in inputs.items()}
                body = json.dumps({"signature_name": name, "inputs": columns}).encode()

                def ask(body=body, connection=connection):
                    connection.request("POST", f"{place.path}:predict", body)
                    answer = connection.getresponse()
                    if answer.status != 200:
                        raise RuntimeError(answer.read())
                    answer.read()

                yield _time(f"SavedModel by HTTP, {name}", batch, ask)
        for name, inputs in (("sample_png", seeds | label), ("serving_default", {"latent": latent} | label)):
            tensors = {key: tf.constant(value) for key, value in inputs.items()}
            yield _time(f"SavedModel in this process, {name}", batch, lambda n=name, t=tensors: signatures[n](**t))
        (name,) = (name for name, size in names.items() if size == batch)
        runner, inputs = interpreter.get_signature_runner(name), {"latent": latent} | label
        yield _time("TFLite float32 in this process, one thread", batch, lambda run=runner, x=inputs: run(**x))


def measure(config):
    """Puts a server under load, and times every way to run the generator.

    Args:
        config: `Config`.

    Returns:
        Dictionary of the `load`: its `clients`, `seconds`, `versions` that were published, `requests`, `failed` and
        `mixed` ones, the least and most `changes` that a client saw, rows of latencies, and `memory`, megabytes at
        first, at most, and the means of the second and of the last quarter; and of `ways`, rows of a single client.

    Raises:
        ValueError: If a request failed, or an answer mixed versions.
    """
    generator = loading.load_generator(config.model) if config.model else DCGANGenerator((32, 32, 3), num_classes=10)
    asked = questions(generator)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder, NAME)
        first, *others = write_versions(generator, folder, config.publishes + 1)
        serving.release(first, base)
        with server(base) as (address, process):
            publish = [lambda path=path: serving.release(path, base) for path in others]
            with Memory(process) as memory:
                result = load(address, asked, config.clients, config.seconds, publish)
            if result.failures or result.mixed:
                raise ValueError(
                    f"{len(result.failures)} requests failed and {result.mixed} answers mixed versions: "
                    f"{sorted(set(result.failures))[:5]}"
                )
            ways = list(_one_client(address, base / "1", generator))
    return {"load": _summary(config, result, memory), "ways": ways}


def _summary(config, result, memory):
    rows = [
        _row("SavedModel by HTTP, sample", rows, milliseconds, result.seconds)
        for rows, milliseconds in sorted(result.milliseconds.items())
    ]
    found = {
        "clients": config.clients,
        "seconds": result.seconds,
        "versions": config.publishes,
        "requests": sum(map(len, result.milliseconds.values())),
        "failed": len(result.failures),
        "mixed": result.mixed,
        "changes": [min(result.changes), max(result.changes)],
        "rows": rows,
    }
    quarters = memory.mean(0.25, 0.5), memory.mean(0.75, 1.0)
    if None in (*memory.megabytes, *quarters):
        return found
    return found | {"memory": [memory.megabytes[0], max(memory.megabytes), *quarters]}


def render(run):
    """Tables of what was measured, as Markdown."""
    load = run["load"]
    facts = [
        ["clients", load["clients"]],
        ["seconds", f"{load['seconds']:.0f}"],
        ["new versions meanwhile", load["versions"]],
        ["requests", load["requests"]],
        ["failed requests", load["failed"]],
        ["answers that mix versions", load["mixed"]],
    ]
    if "changes" in load:
        facts += [
            [f"changes of version that a client saw, {end}", n]
            for end, n in zip(("least", "most"), load["changes"], strict=True)
        ]
    memory = ("at first", "at most", "mean of the second quarter", "mean of the last quarter")
    for name, megabytes in zip(memory, load.get("memory", ()), strict=False):
        if megabytes is not None:
            facts.append([f"memory of the server {name}, MB", f"{megabytes:.0f}"])
    return "\n\n".join(
        [
            tables.table(["under load", ""], facts),
            _table("under load, uint8 images in JSON", load["rows"]),
            _table("one client", run["ways"]),
        ]
    )


def _table(title, rows):
    columns = [title, "batch", "p50, ms", "p90, ms", "p99, ms", "images/s", "calls"]
    keys = ("p50", "p90", "p99", "rate")
    cells = [
        [row["way"], row["batch"], *(tables.digits(row.get(key)) for key in keys), row.get("calls")] for row in rows
    ]
    return tables.table(columns, cells)


def main(argv=None):
    """Measures and prints; ends with an error if a request failed or mixed versions."""
    tables.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    main()
