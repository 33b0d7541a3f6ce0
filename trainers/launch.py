"""Several workers on one machine, or the batch file that starts them on a cluster.

    python -m trainers.launch --workers=4 -- dcgan --steps=1000

runs `python -m trainers.dcgan --strategy=multiworker --steps=1000` four times, each with its own `TF_CONFIG`. What the
first worker prints is shown, and what each prints is in a file beside the run. Ctrl+C ends all of them, saved; on Linux
they end so too when this command is killed. After one died, by a signal that did not come from here, `--restarts` times
all start again from the last checkpoint.

    python -m trainers.launch --engine=ray --workers=4 --restarts=3 -- dcgan --out=/shared/run

does the same on a Ray cluster, through its data-parallel trainer, whose notes are beside the run in a folder with -ray
after its name.

    python -m trainers.launch --workers=4 --template=slurm -- dcgan --out=/shared/run > job.sh
    python -m trainers.launch --workers=4 --template=kubernetes -- dcgan --out=/shared/run > job.yaml

print what `sbatch` and `kubectl apply -f` take. For all GPUs of one machine, `--strategy=mirrored` needs no workers.
"""

import contextlib
import ctypes
import dataclasses
import difflib
import itertools
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib import util
from pathlib import Path

from keras_gan import cli
from keras_gan.cli import option
from trainers import command
from trainers.engine import clusters, on_ray

_SECONDS_TO_SPEAK = 3.0  # after one has failed, in which others may say why
_SECONDS_TO_END = 120.0  # of workers that were told to end
_SECONDS = 0.1  # between two looks
# What TensorFlow says of the machine.
_NOISE = ("I0000", "W0000", "E0000", "WARNING: All log messages")
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LOST = "error: Another worker was lost"


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of this command."""

    workers: int = option(2, "Number of processes, each a worker.", low=1)
    restarts: int = option(0, "How often all of them start again after one died.", low=0)
    logs: str = option("", "Folder for what each worker prints; by default the run's, with -logs after its name.")
    engine: str = option(
        "processes", "processes, on this machine, or ray, on its cluster (pip install 'keras_gan[ray]')."
    )
    template: str = option("", "slurm or kubernetes: print a batch file instead of starting anything.")


def main(argv=None):
    """Reads the flags, from the command line or `argv`, and trains with several workers, or prints a batch file."""
    argv = sys.argv[1:] if argv is None else list(argv)
    own, rest = (argv, []) if "--" not in argv else (argv[: argv.index("--")], argv[argv.index("--") + 1 :])
    args, _ = cli.parse(Config, "python -m trainers.launch", __doc__, own)
    cli.run(lambda: _launch(args, rest))


def _launch(args, rest):
    program, *flags = _check(args, rest)
    out = _value(flags, "out")
    if args.template:
        if out is None:
            raise ValueError("A batch file needs the run's folder, which all workers can read: pass --out after --.")
        worker = ["python", "-m", f"trainers.{program}", "--strategy=multiworker", *flags]
        name = f"keras-gan-{program.replace('_', '-')}"
        print(clusters.TEMPLATES[args.template](name, args.workers, args.restarts, worker), end="")
        return
    if out is None:
        # Chosen here, because all workers need the same, and so do those that start again.
        out = str(next(name for name in _numbered(program) if not name.exists()))
        flags.append(f"--out={out}")
    if args.engine == "ray":
        if util.find_spec("ray") is None:
            raise ValueError("--engine=ray needs a package that is not installed. Run: pip install 'ray[train]'")
        on_ray.run(["-m", f"trainers.{program}", "--strategy=multiworker", *flags], args.workers, args.restarts, out)
        return
    logs = Path(args.logs or f"{out.rstrip('/')}-logs")
    logs.mkdir(parents=True, exist_ok=True)
    again = shlex.join(["python", "-m", "trainers.launch", f"--workers={args.workers}", "--", program, f"--out={out}"])
    worker = [sys.executable, "-m", f"trainers.{program}", "--strategy=multiworker", *flags]
    for attempt in itertools.count(1):
        with Workers(worker, args.workers, logs) as workers:
            workers.wait()
        if workers.signalled:
            print(f"To go on with all workers: {again}", flush=True)
            raise SystemExit(128 + workers.signalled)
        if not any(workers.statuses):
            return
        died = [index for index in workers.failed if workers.statuses[index] < 0]
        if not died:
            raise ValueError(f"{workers.complaint()} The workers' files: {logs}")
        what = " and ".join(f"worker {i} was ended by {_signal_name(-workers.statuses[i])}" for i in died)
        if attempt > args.restarts:
            raise OSError(f"{what}. To go on from the last checkpoint: {again}. The workers' files: {logs}")
        print(f"{what[0].upper()}{what[1:]}: all start again, {attempt} of at most {args.restarts} times.", flush=True)


def _check(args, rest):
    """Checks what comes after `--`, the name of a recipe and its flags; refused where that cannot be started."""
    if args.template and args.template not in clusters.TEMPLATES:
        raise ValueError(
            f"--template must be one of {sorted(clusters.TEMPLATES)}. Received: --template={args.template}"
        )
    if args.engine not in ("processes", "ray"):
        raise ValueError(f"--engine must be processes or ray. Received: --engine={args.engine}")
    found = command.commands()["train"]
    recipes = sorted(name for name, (module, _) in found.items() if module.startswith("trainers.") and name != "launch")
    name = rest[0].replace("-", "_") if rest else ""
    if name not in recipes:
        near = difflib.get_close_matches(name, recipes, 1) or recipes
        raise ValueError(
            f"After -- comes a recipe with its flags: -- {' or '.join(near)}. "
            f"Received: {'nothing' if not rest else repr(rest[0])}"
        )
    if (strategy := _value(rest, "strategy")) not in (None, "multiworker"):
        raise ValueError(f"Workers train with --strategy=multiworker. Received: --strategy={strategy}")
    return [name, *rest[1:]]


def _value(flags, name):
    """The value that a flag is given on a command line, or `None`."""
    found = None
    for flag, after in itertools.zip_longest(flags, flags[1:]):
        if flag in (f"--{name}", f"-{name}"):
            found = after
        elif flag.startswith((f"--{name}=", f"-{name}=")):
            found = flag.partition("=")[2]
    return found


def _numbered(program):
    return (Path("runs", f"{program}-workers-{number:03d}") for number in itertools.count(1))


def _signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def free_addresses(count):
    """Addresses on this machine, `"127.0.0.1:port"`, that nobody listens at."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]


def _end_with_parent():
    """A function that a new process calls so that SIGTERM comes to it when this one is gone, killed perhaps.

    Returns:
        A function without arguments, or `None` where only Linux has such a thing.
    """
    if sys.platform != "linux":
        return None
    parent, prctl = os.getpid(), ctypes.CDLL(None).prctl

    def ask():
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return ask


class Workers:
    """The processes of one attempt. A context that leaves none of them behind.

    Args:
        worker: List of arguments, the command of each.
        count: Number of workers.
        logs: Folder of the files `worker-0.log` and so on, to which is added what they print.

    Attributes:
        statuses: Exit status of each, or `None` while it runs; negative for the signal that ended it.
        failed: Indices of those that ended with another status than 0 before they were told to.
        signalled: The last signal that came to this process, and was passed on, or `None`.
    """

    def __init__(self, worker, count, logs):
        self._worker, self._count = worker, count
        self._logs = [Path(logs, f"worker-{index}.log") for index in range(count)]
        self._starts = [log.stat().st_size if log.exists() else 0 for log in self._logs]
        self._shown = self._starts[0]
        self._processes, self._handlers = [], {}
        self.failed, self.signalled = [], None

    def __enter__(self):
        # Before the first is started: a signal in between is passed on to those that are there.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, self._pass_on)
        # What workers that are killed leave behind is removed with it.
        self._temporary = tempfile.TemporaryDirectory(prefix="keras_gan-")
        addresses = free_addresses(self._count)
        for index, log in enumerate(self._logs):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            environment = {**os.environ, "TF_CONFIG": json.dumps(task), "PYTHONUNBUFFERED": "1"}
            environment["TMPDIR"] = self._temporary.name
            with log.open("ab") as file:
                process = subprocess.Popen(
                    self._worker, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                    start_new_session=True,  # the terminal's Ctrl+C comes here alone, and is passed on once
                    preexec_fn=_end_with_parent(),
                )  # fmt: skip
            self._processes.append(process)
        if self.signalled:
            self._pass_on(self.signalled)
        return self

    def __exit__(self, *exception):
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self._temporary.cleanup()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @property
    def statuses(self):
        return [process.poll() for process in self._processes]

    def _pass_on(self, number, frame=None):
        self.signalled = number
        self._send(number)

    def _send(self, number):
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(number)

    def wait(self):
        """Shows what the first worker prints until all have ended; one that failed is the end of the others too."""
        told = speaks_until = None
        while True:
            statuses = self.statuses
            self._show()
            if told is None:
                self.failed += [i for i, status in enumerate(statuses) if status and i not in self.failed]
            if None not in statuses:
                return
            now = time.monotonic()
            if self.failed and speaks_until is None:
                speaks_until = now + _SECONDS_TO_SPEAK
            if told is None and (self.signalled or (speaks_until is not None and now > speaks_until)):
                told = now
                if not self.signalled:
                    # Those that wait for it would wait on; one that trains has noticed.
                    self._send(signal.SIGTERM)
            if told is not None and now > told + _SECONDS_TO_END:
                return
            time.sleep(_SECONDS)

    def _lines(self, index, start):
        """The whole lines that a worker has printed since a place in its file, and the place where they end."""
        with self._logs[index].open("rb") as file:
            file.seek(start)
            text = file.read()
        text = text[: text.rfind(b"\n") + 1]
        lines = text.decode("utf-8", "backslashreplace").splitlines()
        return [line for line in lines if not line.startswith(_NOISE)], start + len(text)

    def _show(self):
        lines, self._shown = self._lines(0, self._shown)
        for line in lines:
            # An error is said at the end, once.
            if not line.startswith("error: "):
                print(line, flush=True)

    def complaint(self):
        """The reasons why workers failed, in their own words."""
        said = {}
        for index in self.failed:
            lines, _ = self._lines(index, self._starts[index])
            errors = [line for line in lines if line.startswith("error: ")] or lines[-1:] or ["error: no word"]
            if not errors[-1].startswith(_LOST):
                said.setdefault(errors[-1].removeprefix("error: "), []).append(index)
        if not said:
            return "The workers lost each other."
        return " ".join(f"Worker {' and '.join(map(str, who))}: {text}" for text, who in said.items())


if __name__ == "__main__":
    main()
