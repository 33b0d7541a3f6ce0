import json
import re
import threading
import types
from concurrent import futures
from unittest import mock

import tensorflow as tf
from werkzeug.test import Client

from export.stand_in import application, served
from tests.keras_gan.export import published
from tests.test_case import TestCase

PREDICT = "/v1/models/digits:predict"


class ApplicationTest(TestCase):
    def client(self, *models, **kwargs):
        return Client(application.Application(models or [published.model()], **kwargs))

    def ask(self, client, path, request=None, method="POST"):
        """Status and contents of an answer."""
        if request is None:
            answer = client.get(path)
        else:
            body = request if isinstance(request, bytes) else json.dumps(request)
            answer = client.open(path, method=method, data=body)
        self.assertEqual(answer.content_type, "application/json")
        return answer.status_code, answer.json

    def refused(self, client, path, request=None, method="POST"):
        status, answer = self.ask(client, path, request, method)
        self.assertEqual(list(answer), ["error"])
        return status, answer["error"]

    def test_predict(self):
        client = self.client()
        rows = [{"seed": seed, "truncation": 1.0, "label": 3} for seed in (7, 8)]
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        for path in (PREDICT, "/v1/models/digits/versions/1:predict"):
            status, by_row = self.ask(client, path, {"signature_name": "sample", "instances": rows})
            self.assertEqual(status, 200, by_row)
            self.assertAllClose(by_row["predictions"], published.images([7, 8], 3), atol=1)
            status, by_column = self.ask(client, path, {"signature_name": "sample", "inputs": columns})
            self.assertEqual((status, by_column["outputs"]), (200, by_row["predictions"]))

    def test_memory_is_bounded_before_it_is_spent(self):
        rows = [{"seed": seed, "truncation": 1.0, "label": 3} for seed in range(50)]
        request = {"signature_name": "sample", "instances": rows}
        row = published.model().current.row_bytes["sample"]
        self.assertGreater(row, 16)
        client = self.client(largest_memory=20 * row)
        with mock.patch.object(type(published.model().current), "run", side_effect=AssertionError("it was computed")):
            status, reason = self.refused(client, PREDICT, request)
        self.assertEqual(status, 400)
        self.assertRegex(reason, rf"may need {20 * row} bytes of memory. Received: .*(50 rows of sample|JSON)")
        status, reason = self.refused(self.client(largest_memory=1000), PREDICT, b"[" * 5000)
        self.assertEqual(status, 400)
        self.assertRegex(reason, "may need 1000 bytes of memory. Received: JSON that needs about .* to be read")
        request["instances"] = rows[:1]
        self.assertEqual(self.ask(self.client(largest_memory=10**6), PREDICT, request)[0], 200)

    def test_metadata(self):
        for path in ("/v1/models/digits/metadata", "/v1/models/digits/versions/1/metadata"):
            status, answer = self.ask(self.client(), path)
            self.assertEqual(
                (status, answer["model_spec"]["name"], answer["model_spec"]["version"]), (200, "digits", "1")
            )
            signatures = answer["metadata"]["signature_def"]["signature_def"]
            self.assertEqual(set(signatures), {"serving_default", "sample", "sample_png", "latents"})
            images = signatures["sample"]["outputs"]["images"]
            self.assertEqual(images["dtype"], "DT_UINT8")
            self.assertEqual([size["size"] for size in images["tensor_shape"]["dim"]], ["-1", "4", "4", "1"])

    def test_status(self):
        """The server's words for every version, the newest first."""
        states = {3: ("LOADING", ""), 1: ("AVAILABLE", ""), 2: ("END", "It is broken.")}
        client = self.client(types.SimpleNamespace(name="digits", states=states, current=None))
        status, answer = self.ask(client, "/v1/models/digits")
        self.assertEqual(status, 200)
        found = {entry["version"]: (entry["state"], entry["status"]) for entry in answer["model_version_status"]}
        good = {"error_code": "OK", "error_message": ""}
        broken = {"error_code": "INVALID_ARGUMENT", "error_message": "It is broken."}
        self.assertEqual(
            list(found.items()), [("3", ("LOADING", good)), ("2", ("END", broken)), ("1", ("AVAILABLE", good))]
        )
        status, answer = self.ask(client, "/v1/models/digits/versions/2")
        self.assertEqual([entry["version"] for entry in answer["model_version_status"]], ["2"])
        self.assertEqual(self.refused(client, PREDICT, {"instances": []})[0], 404)  # None of them is loaded.

    def test_refusals(self):
        client = self.client()
        row = {"seed": 7, "truncation": 1.0, "label": 4}
        for path, request, status, message in (
            (PREDICT, {"signature_name": "sample", "instances": [row]}, 400, "`label` must lie in [0, 4)"),
            (PREDICT, {"signature_name": "x", "instances": [row]}, 400, "not found"),
            (PREDICT, b"[" * 100_000, 400, "recursion"),
            (PREDICT, b"\xff", 400, "JSON Parse error"),
            (PREDICT, b"", 400, "JSON Parse error"),
            ("/v1/models/other:predict", {"instances": [row]}, 404, "Servable not found for request: Latest(other)"),
            ("/v1/models/digits/versions/99:predict", {}, 404, "Specific(digits, 99)"),
            ("/v1/models/digits/versions/99", None, 404, "Could not find version 99 of model digits"),
            ("/v1/models/digits/versions/99/metadata", None, 404, "Specific(digits, 99)"),
            ("/v1/models/other", None, 404, "Could not find any versions of model other"),
            ("/v1/models/digits:classify", {}, 400, "Malformed request: POST /v1/models/digits:classify"),
            ("/v1/models/digits", {}, 400, "Malformed request: POST"),
            ("/v1/models/digits/versions/x", None, 400, "Malformed request: GET"),
            ("//v1/models/digits", None, 404, "Malformed request: GET"),
            ("/v1/models/digits/", None, 400, "Malformed request: GET"),
            (PREDICT, None, 400, "Malformed request: GET"),
            ("/favicon.ico", None, 404, "Malformed request"),
        ):
            found, said = self.refused(client, path, request)
            self.assertEqual(found, status, said)
            self.assertIn(message, said)

    def test_a_large_request_is_refused_unread(self):
        client = self.client(largest_request=10)
        self.assertEqual(self.refused(client, PREDICT, b"[" * 11), (413, "The request must have at most 10 bytes"))
        self.assertEqual(self.refused(client, PREDICT, b"[" * 10)[0], 400)
        body = mock.Mock()
        answer = client.post(PREDICT, environ_overrides={"CONTENT_LENGTH": "11", "wsgi.input": body})
        self.assertEqual(answer.status_code, 413)
        self.assertEqual(body.method_calls, [])

    def test_failures_are_answers_too(self):
        request = {"signature_name": "sample", "instances": [{"seed": 7, "truncation": 1.0, "label": 3}]}
        for error, status in (
            (tf.errors.ResourceExhaustedError(None, None, "no room"), 429),
            (MemoryError("no room"), 429),
            (KeyError("no room"), 500),
        ):
            with (
                mock.patch.object(published.model().current, "run", side_effect=error),
                mock.patch.object(application.logging, "getLogger") as logger,
            ):
                found, said = self.refused(self.client(), PREDICT, request)
            self.assertEqual((found, logger.called), (status, status == 500))
            self.assertIn("no room", said)

    def test_as_many_graphs_at_a_time_as_processors(self):
        request = {"signature_name": "sample", "instances": [{"seed": 7, "truncation": 1.0, "label": 3}]}
        self.enterContext(mock.patch.object(served.os, "cpu_count", return_value=2))
        client, meeting, most, running = self.client(), threading.Barrier(2), [], []

        def run(name, inputs):
            running.append(name)
            most.append(len(running))
            meeting.wait(60)  # Two must get here together, or this test fails after a minute.
            running.pop()
            return {"images": published.images([7], 3)}

        with mock.patch.object(published.model().current, "run", run), futures.ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: self.ask(client, PREDICT, request)[0], range(6)))
        self.assertEqual(answers, [200] * 6)
        self.assertEqual(max(most), 2)


class PageTest(TestCase):
    def page(self, *models):
        answer = Client(application.Application(models)).get("/")
        self.assertEqual((answer.status_code, answer.mimetype), (200, "text/html"))
        return answer, answer.text

    def models(self, html):
        return json.loads(re.search(r"^const models = (.*);$", html, flags=re.MULTILINE)[1])

    def test_shows_what_is_loaded(self):
        waiting = types.SimpleNamespace(name="waiting", current=None)
        _, html = self.page(published.model(), waiting)
        (model,) = self.models(html)
        self.assertEqual(model["classes"], list(published.CLASSES))
        self.assertEqual((model["name"], model["version"], model["shape"]), ("digits", 1, [4, 4, 1]))
        self.assertTrue(model["images"])
        self.assertNotIn("<two>", html)

    def test_needs_no_other_address(self):
        answer, html = self.page(published.model())
        self.assertNotRegex(html, r"https?://|url\(|@import|src=\"|<link")
        policy = answer.headers["Content-Security-Policy"]
        self.assertStartsWith(policy, "default-src 'none'; connect-src 'self'; img-src data:")
        nonces = set(re.findall(r"nonce[-=]\"?([\w-]+)", html + policy))
        self.assertLen(nonces, 1)
        self.assertNotEqual(nonces, set(re.findall(r"nonce[-=]\"?([\w-]+)", self.page(published.model())[1])))

    def test_models_without_classes_names_or_images(self):
        def version(inputs, **card):
            return types.SimpleNamespace(number=2, card=card, signatures={"sample_png": inputs} if inputs else {})

        sample = dict.fromkeys(("seed", "truncation"))
        shown = self.models(
            self.page(
                types.SimpleNamespace(name="a", current=version(sample)),
                types.SimpleNamespace(name="b", current=version(sample | {"label": None}, num_classes=3)),
                types.SimpleNamespace(name="c", current=version({})),
            )[1]
        )
        self.assertEqual([model["classes"] for model in shown], [None, ["0", "1", "2"], None])
        self.assertEqual([model["images"] for model in shown], [True, True, False])


class SummaryTest(TestCase):
    def test_of_what_translates_files(self):
        version = types.SimpleNamespace(
            number=3,
            signatures={"translate_png": {"image_bytes": tf.TensorSpec((None,), tf.string)}},
            card={"source_shape": [8, 8, 1], "image_shape": [8, 8, 3], "training": {"steps": 7}},
        )
        found = application._summary("edges", version)
        self.assertEqual((found["translates"], found["images"], found["classes"]), (True, False, None))
        version.signatures = {"sample_png": {"seed": None, "truncation": None}}
        self.assertEqual(application._summary("digits", version)["translates"], False)
