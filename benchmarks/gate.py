"""Training steps on request: how a process that trains is timed by another one.

A worker's training loop calls its `Gate` after every step. The gate lets the first steps pass, which compile, reports
that the worker is ready, and then waits for a number on standard input, lets as many steps pass, reports how long they
took, and so on until the input ends. While it waits the worker uses no processor, so that workers can be timed in turn.
"""

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time


class Gate:
    """A worker's side.

    Args:
        warmup: Steps before the first report.
        facts: Dictionary that the first report carries.
    """

    def __init__(self, warmup, facts):
        # Standard output is for reports alone; what libraries print goes the way of errors.
        self._reports = os.fdopen(os.dup(sys.stdout.fileno()), "w")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        self._facts = facts
        self._left = warmup
        self._began = time.perf_counter()

    def __call__(self, steps=1):
        """To be called after every step, or after several at once."""
        self._left -= steps
        if self._left > 0:
            return
        seconds = time.perf_counter() - self._began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "mebibytes": peak, **self._facts}), file=self._reports, flush=True)
        wanted = sys.stdin.readline()
        if not wanted:
            raise SystemExit(0)
        self._facts = {}
        self._left = int(wanted)
        self._began = time.perf_counter()


class Worker:
    """The other side: a process whose training loop has a `Gate`.

    Args:
        name: What error messages call it.
        command: List of arguments.
        folder: Where it runs; here by default.

    Raises:
        OSError: If the process ends instead of answering; with the last line that it printed.
    """

    def __init__(self, name, command, folder=None):
        self.name = name
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, cwd=folder
        )
        try:
            self.facts = self._report()
        except BaseException:
            self.close()
            raise

    def run(self, wanted):
        """Asks for a number of steps, or whatever else the process reads; returns its report, a dictionary.

        Of a `Gate` that has the steps' `seconds` and the peak `mebibytes` of the process.
        """
        # Of a process that has ended, the missing report says more.
        with contextlib.suppress(BrokenPipeError):
            print(wanted, file=self._process.stdin, flush=True)
        return self._report()

    def _report(self):
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().strip().splitlines() or ["nothing"]
        raise OSError(f"The worker {self.name} ended with exit status {code} and said: {said[-1][:300]}")

    def close(self):
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
