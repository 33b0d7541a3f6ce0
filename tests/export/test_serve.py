"""Tests of the stand-in server, and of the clients in the page for whoever receives an export."""

import contextlib
import http.client
import http.server
import io
import json
import re
import tempfile
import threading
import time
from concurrent import futures
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from export import saved_model, serve, serving, verification, warmup
from keras_gan import latents, pictures
from tests.export import networks
from tests.test_case import TestCase

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text("utf-8")


def block(start):
    """The Python program in the page that begins with these words."""
    (program,) = re.findall(rf"```python\n({start}.*?)```", PAGE, flags=re.DOTALL)
    return program


def publish(generator, base):
    """A version without the checks, which other tests have."""
    with serving.stage(base) as folder:
        saved_model.write(saved_model.signatures(generator), folder)
        warmup.write(folder, "digits", verification.warmup_requests(generator, folder))
        return serving.release(folder, base)


def wait(condition):
    """Returns once something holds, or after a minute."""
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)


class ServeTest(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = Path(cls.enterClassContext(tempfile.TemporaryDirectory()), "digits")
        cls.generator = networks.mlp((4, 4, 1), num_classes=4)
        publish(cls.generator, cls.base)
        cls.enterClassContext(mock.patch.object(serve, "print", create=True))
        cls.watcher = serve.Watcher(cls.base, seconds=0.05)
        cls.watcher.look()
        cls.server = cls.enterClassContext(serve.make_server(cls.watcher, "digits"))
        thread = threading.Thread(target=cls.server.serve_forever, daemon=True)
        thread.start()
        cls.addClassCleanup(thread.join)
        cls.addClassCleanup(cls.server.shutdown)

    def ask(self, path, request=None):
        """Status and contents of an answer."""
        connection = http.client.HTTPConnection(*self.server.server_address[:2], timeout=60)
        with contextlib.closing(connection):
            if request is None:
                connection.request("GET", path)
            else:
                body = request if isinstance(request, bytes) else json.dumps(request).encode()
                connection.request("POST", path, body)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def expected(self, generator, seeds, label):
        codes = latents.from_seeds(seeds, 6)
        return pictures.to_uint8(generator([codes, np.full(len(seeds), label, "int32")])).astype(int)

    def test_predict(self):
        rows = [{"seed": seed, "truncation": 1.0, "label": 3} for seed in (7, 8)]
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        version = self.watcher.current.number
        for path in ("/v1/models/digits:predict", f"/v1/models/digits/versions/{version}:predict"):
            status, by_row = self.ask(path, {"signature_name": "sample", "instances": rows})
            self.assertEqual(status, 200, by_row)
            self.assertAllClose(by_row["predictions"], self.expected(self.generator, [7, 8], 3), atol=1)
            status, by_column = self.ask(path, {"signature_name": "sample", "inputs": columns})
            self.assertEqual((status, by_column["outputs"]), (200, by_row["predictions"]))

    def test_status_and_metadata(self):
        status, answer = self.ask("/v1/models/digits")
        (state,) = answer["model_version_status"]
        self.assertEqual((status, state["state"]), (200, "AVAILABLE"))
        self.assertEqual(state["version"], str(self.watcher.current.number))
        status, answer = self.ask("/v1/models/digits/metadata")
        signatures = answer["metadata"]["signature_def"]["signature_def"]
        self.assertEqual((status, answer["model_spec"]["name"]), (200, "digits"))
        self.assertEqual(set(signatures), {"serving_default", "sample", "sample_png", "latents"})
        images = signatures["sample"]["outputs"]["images"]
        self.assertEqual(images["dtype"], "DT_UINT8")
        self.assertEqual([size["size"] for size in images["tensor_shape"]["dim"]], ["-1", "4", "4", "1"])

    def test_errors(self):
        row = {"seed": 7, "truncation": 1.0, "label": 4}
        path = "/v1/models/digits:predict"
        for address, request, status, message in (
            (path, {"signature_name": "sample", "instances": [row]}, 400, "`label` must lie in [0, 4)"),
            (path, {"signature_name": "x", "instances": [row]}, 400, "not found"),
            (path, b"[" * 100_000, 400, "recursion"),
            ("/v1/models/other:predict", {"instances": [row]}, 404, "Servable not found for request: Latest(other)"),
            ("/v1/models/digits/versions/99:predict", {}, 404, "Specific(digits, 99)"),
            ("/v1/models/digits/versions/99", None, 404, "Specific(digits, 99)"),
            ("/v1/models/digits:classify", {}, 404, "Malformed request: POST"),
            (path, None, 404, "Malformed request: GET"),
            ("/", None, 404, "Malformed request"),
        ):
            answer = self.ask(address, request)
            self.assertEqual(answer[0], status, answer)
            self.assertEqual(list(answer[1]), ["error"])
            self.assertIn(message, answer[1]["error"])
        with mock.patch.object(serve, "LARGEST_REQUEST", 10):
            connection = http.client.HTTPConnection(*self.server.server_address[:2])
            connection.request("POST", "/v1/models/digits:predict", headers={"Content-Length": "11"})
            self.assertEqual(connection.getresponse().status, 413)
            connection.close()

    def test_a_new_version_under_load(self):
        """No request fails meanwhile, and each is answered by one version alone; a broken one changes nothing."""
        other = networks.mlp((4, 4, 1), num_classes=4)
        other.set_weights([-weight for weight in other.get_weights()])
        known = {str(self.expected(generator, [5, 6], 1).tolist()): generator for generator in (self.generator, other)}
        columns = {"seed": [5, 6], "truncation": [1.0, 1.0], "label": [1, 1]}
        stop, answers, printed = threading.Event(), [], serve.print.call_count

        def client(_):
            while not stop.is_set():
                status, answer = self.ask("/v1/models/digits:predict", {"signature_name": "sample", "inputs": columns})
                self.assertEqual(status, 200, answer)
                answers.append(np.array(answer["outputs"]))

        with self.watcher, futures.ThreadPoolExecutor(3) as pool:
            clients = pool.map(client, range(3))
            try:
                wait(lambda: answers)
                number = int(publish(other, self.base).name)
                broken = self.base / str(number + 1)
                broken.mkdir()
                (broken / "saved_model.pb").write_bytes(b"broken")
                wait(lambda: self.watcher.current.number == number and serve.print.call_count >= printed + 2)
                enough = len(answers) + 6
                wait(lambda: len(answers) >= enough)
            finally:
                stop.set()
            list(clients)
        self.assertEqual(self.watcher.current.number, number)
        said = [str(call.args[0]) for call in serve.print.call_args_list[printed:]]
        self.assertLen([line for line in said if line.startswith(f"Version {number + 1} cannot be served: ")], 1)
        images = {name: np.array(json.loads(name)) for name in known}
        seen = [min(images, key=lambda name: np.abs(images[name] - answer).max()) for answer in answers]
        for name, answer in zip(seen, answers, strict=True):
            self.assertAllClose(answer, images[name], atol=1)
        self.assertLen(set(seen), 2)
        type(self).generator = other

    def test_the_command_says_what_it_is(self):
        printed = serve.print.call_count
        with mock.patch.object(http.server.ThreadingHTTPServer, "serve_forever", side_effect=KeyboardInterrupt):
            serve.main([f"--models={self.base}", "--port=0", "--name=other"])
        said, stopped = (call.args[0] for call in serve.print.call_args_list[printed:][-2:])
        self.assertRegex(said, r"A stand-in for TensorFlow Serving, .*: http://127.0.0.1:[0-9]+/v1/models/other")
        self.assertEqual(stopped, "Stopped.")

    def test_the_rest_client_of_the_page(self):
        host, port = self.server.server_address[:2]
        program = block("import base64").replace("localhost:8501", f"{host}:{port}")
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            exec(compile(program, "serving.md", "exec"), {})
            image = tf.io.decode_png(Path("0.png").read_bytes()).numpy()
        self.assertAllClose(image.astype(int), self.expected(self.generator, [7], 3)[0], atol=1)

    def test_the_grpc_client_of_the_page(self):
        pytest.importorskip("tensorflow_serving.apis.predict_pb2")
        import grpc
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

        watcher = self.watcher

        class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
            def Predict(self, request, context):
                inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
                answer = predict_pb2.PredictResponse()
                for name, value in watcher.current.run(request.model_spec.signature_name, inputs).items():
                    answer.outputs[name].CopyFrom(tf.make_tensor_proto(value))
                return answer

        server = grpc.server(futures.ThreadPoolExecutor(1))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.addCleanup(lambda: server.stop(None).wait())
        scope = {}
        exec(compile(block("import grpc").replace("localhost:8500", f"127.0.0.1:{port}"), "serving.md", "exec"), scope)
        first, _ = scope["files"]
        image = tf.io.decode_png(first).numpy()
        self.assertAllClose(image.astype(int), self.expected(self.generator, [7], 3)[0], atol=1)


class CommandLineTest(TestCase):
    def test_bad_flags_are_one_line(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "broken" / "1").mkdir(parents=True)
        (folder / "broken" / "1" / "saved_model.pb").write_bytes(b"broken")
        for flags, reason in (
            ([], "expected --models"),
            ([f"--models={folder}"], "Expected a folder of numbered versions"),
            ([f"--models={folder}/none"], "Expected a folder of numbered versions"),
            ([f"--models={folder}/broken"], "No version in .*broken can be served"),
            ([f"--models={folder}/broken", "--name=a b"], "name must consist of"),
            ([f"--models={folder}", "--port=65536"], "--port must be at least 0 and below 65536"),
        ):
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()) as errors,
                self.assertRaises(SystemExit) as caught,
            ):
                serve.main(flags)
            self.assertEqual(caught.exception.code, 1)
            self.assertRegex(errors.getvalue(), rf"\Aerror: .*{reason}.*\n\Z")
