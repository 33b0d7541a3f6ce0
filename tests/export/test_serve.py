"""Tests of the stand-in server's command, and of the clients in the page for whoever receives an export."""

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent import futures
from pathlib import Path
from unittest import mock

import pytest
import tensorflow as tf

from export import serve
from export.stand_in import watching
from tests.keras_gan.export import published
from tests.test_case import TestCase

IMAGE = "tensorflow/serving:2.21.0"
DOCS = Path(__file__).parents[2] / "docs"


def block(start):
    """The Python program in the page that begins with these words."""
    (program,) = re.findall(rf"```python\n({start}.*?)```", (DOCS / "serving.md").read_text("utf-8"), flags=re.DOTALL)
    return program


class ServeTest(TestCase):
    def serve(self, flags, number, use):
        """Runs the command, calls `use` with the addresses that it prints, sends a signal; returns what was printed."""
        printed, ready = [], threading.Event()

        def say(*words, **_):
            printed.append(" ".join(map(str, words)))
            if printed[-1].startswith("http://"):
                ready.set()

        def client():
            try:
                self.assertTrue(ready.wait(60), printed)
                rpc = next((line.removeprefix("gRPC: ") for line in printed if line.startswith("gRPC: ")), None)
                use(*filter(None, (next(line for line in printed if line.startswith("http://")), rpc)))
            finally:
                os.kill(os.getpid(), number)

        before = signal.getsignal(number)
        with (
            mock.patch.object(serve, "print", say, create=True),
            mock.patch.object(watching, "print", say, create=True),
            futures.ThreadPoolExecutor(1) as pool,
        ):
            done = pool.submit(client)
            serve.main(["--grpc_port=-1", *flags, "--port=0"])
            done.result()
        self.assertEqual(signal.getsignal(number), before)
        return printed

    def expect_image(self, file):
        image = tf.io.decode_png(file).numpy()
        self.assertAllClose(image.astype(int), published.images([7], 3)[0], atol=1)

    def run_client(self, *words):
        # Isolated and without installed packages: whoever uses it has Python alone.
        line = [sys.executable, "-I", "-S", str(DOCS / "client.py"), *words]
        return subprocess.run(line, capture_output=True, text=True, timeout=60)

    def use_clients(self, address):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            program = block("import base64").replace("http://localhost:8501/v1/models/digits", address)
            exec(compile(program, "serving.md", "exec"), {})
            self.expect_image(Path("0.png").read_bytes())
            done = self.run_client(address, "--seeds", "7", "8", "--label", "3")
            self.assertEqual(done.stdout.splitlines(), ["available versions: 1", "7.png", "8.png"], done.stderr)
            self.expect_image(Path("7.png").read_bytes())
        done = self.run_client(address, "--label", "4")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Aerror: assertion failed: \[`label` must lie in \[0, 4\)")

    def test_the_rest_clients_of_the_page_and_sigterm(self):
        base = published.model().base
        printed = self.serve([f"--models={base}", "--name=other"], signal.SIGTERM, self.use_clients)
        self.assertEqual(printed[0], "other: serving version 1.")
        self.assertRegex(printed[1], r"\AA stand-in for TensorFlow Serving, .*: http://127.0.0.1:[0-9]+/\Z")
        self.assertRegex(printed[2], r"\Ahttp://127.0.0.1:[0-9]+/v1/models/other\Z")
        self.assertEqual(printed[3:], ["Stopped."])

    def test_a_folder_of_models_and_sigint(self):
        root = Path(self.path("models"))
        for name in ("digits", "others"):
            published.publish(root / name)
        printed = self.serve([f"--models={root}"], signal.SIGINT, lambda address: None)
        names = [line.rpartition("/")[2] for line in printed if line.startswith("http://")]
        self.assertEqual((names, printed[-1]), (["digits", "others"], "Stopped."))

    def test_the_grpc_client_of_the_page(self):
        pytest.importorskip("tensorflow_serving.apis.predict_pb2")
        base = published.model().base
        printed = self.serve(
            [f"--models={base}", "--grpc_port=0"], signal.SIGTERM, lambda address, port: self.use_grpc_client(port)
        )
        self.assertRegex(printed[2], r"\AgRPC: 127.0.0.1:[0-9]+\Z")

    def use_grpc_client(self, address):
        scope = {}
        exec(compile(block("import grpc").replace("localhost:8500", address), "serving.md", "exec"), scope)
        self.expect_image(scope["files"][0])

    def test_without_the_packages_for_grpc(self):
        base = published.model().base
        with mock.patch.object(serve, "GRPC_PACKAGES", ("no_such_package",)):
            printed = self.serve([f"--models={base}", "--grpc_port=0"], signal.SIGTERM, lambda *addresses: None)
        self.assertIn("No gRPC, which needs: pip install tensorflow-serving-api", printed)

    @pytest.mark.slow
    def test_the_clients_with_the_real_server(self):
        """The clients of the page, and what is refused, with TensorFlow Serving itself."""
        test_rpc = pytest.importorskip("tests.export.stand_in.test_rpc")
        if shutil.which("docker") is None:
            self.skipTest(f"{IMAGE} was not run: docker is not installed")
        pull = subprocess.run(["docker", "pull", IMAGE], capture_output=True, text=True, timeout=900)
        if pull.returncode:
            self.skipTest(f"{IMAGE} was not run, docker cannot pull it: {pull.stderr.strip()[-200:]}")
        base = published.model().base
        command = ["docker", "run", "--rm", "-d", "-p", "127.0.0.1::8500", "-p", "127.0.0.1::8501"]
        command += ["--mount", f"type=bind,source={base},target=/models/digits,readonly"]
        command += [IMAGE, "--model_name=digits", "--model_base_path=/models/digits"]
        container = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        self.addCleanup(subprocess.run, ["docker", "stop", container], capture_output=True)

        def address(port):
            done = subprocess.run(["docker", "port", container, str(port)], check=True, capture_output=True, text=True)
            return done.stdout.split()[0]

        rest, rpc = f"http://{address(8501)}/v1/models/digits", address(8500)
        deadline = time.monotonic() + 120
        while "AVAILABLE" not in self.status(rest):
            self.assertLess(time.monotonic(), deadline, self.status(rest))
            time.sleep(0.5)
        self.use_clients(rest)
        self.use_grpc_client(rpc)
        with test_rpc.grpc.insecure_channel(rpc) as channel:
            stub = test_rpc.prediction_service_pb2_grpc.PredictionServiceStub(channel)
            for request, code, message in test_rpc.bad_requests():
                with self.assertRaises(test_rpc.grpc.RpcError) as caught:
                    stub.Predict(request, timeout=20)
                self.assertEqual(caught.exception.code(), code, request)
                self.assertRegex(caught.exception.details(), message)

    @staticmethod
    def status(address):
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return answer.read().decode()
        except OSError as error:
            return str(error)


class CommandLineTest(TestCase):
    def fails(self, flags):
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()) as errors,
            self.assertRaises(SystemExit) as caught,
        ):
            serve.main(flags)
        self.assertEqual(caught.exception.code, 1)
        return errors.getvalue()

    def test_bad_flags_are_one_line(self):
        folder = Path(self.path())
        (folder / "broken" / "1").mkdir(parents=True)
        (folder / "broken" / "1" / "saved_model.pb").write_bytes(b"broken")
        (folder / "empty").mkdir()
        for flags, reason in (
            ([], "expected --models"),
            ([f"--models={folder}/empty"], "Expected a folder of numbered versions"),
            ([f"--models={folder}/none"], "Expected a folder of versions"),
            ([f"--models={folder}/broken"], "No version in .*broken can be served"),
            ([f"--models={folder}"], "No version in .*broken can be served"),
            ([f"--models={folder}/broken", "--name=a b"], "name must consist of"),
            ([f"--models={folder}", "--port=65536"], "--port must be at least 0 and below 65536"),
        ):
            self.assertRegex(self.fails(flags), rf"\Aerror: .*{reason}.*\n\Z")

    def test_missing_packages_are_named(self):
        with mock.patch("importlib.util.find_spec", lambda name: None if name == "waitress" else mock.Mock()):
            said = self.fails([f"--models={self.path()}"])
        self.assertEqual(said, "error: Serving needs packages that are not installed. Run: pip install waitress\n")
