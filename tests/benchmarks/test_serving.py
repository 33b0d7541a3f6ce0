import json
import threading
from pathlib import Path

import numpy as np
import pytest

from benchmarks import serving as benchmark
from export.stand_in import application, watching
from keras_gan import listener
from tests.keras_gan.export import networks, published
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class LoadTest(TestCase):
    def serve(self, answers):
        """The address of a running server."""
        server = self.enterContext(listener.Listener(answers))
        thread = threading.Thread(target=server.run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.stop)
        return f"{server.address}v1/models/{benchmark.NAME}"

    def test_a_new_version_under_load(self):
        """No request fails meanwhile, and each is answered by one version alone."""
        base = Path(self.path(benchmark.NAME))
        published.publish(base, 0)
        model = self.enterContext(watching.Model(benchmark.NAME, base, seconds=0.1))
        model.look()
        address = self.serve(application.Application([model]))
        publish = [lambda: published.publish(base, 1)]
        result = benchmark.load(address, benchmark.questions(published.generator()), 4, 3.0, publish)
        self.assertEqual((result.failures, result.mixed), ([], 0))
        self.assertEqual(result.changes, [1] * 4)
        self.assertEqual(set(result.milliseconds), set(benchmark.BATCHES))
        self.assertEqual(model.states, {1: ("END", ""), 2: ("AVAILABLE", "")})

    def test_what_goes_wrong_is_counted(self):
        asked = benchmark.questions(published.generator())[-1:]
        odd, even = (asked[0].answers[parity].tolist() for parity in (1, 0))
        bodies = [odd, even, odd[:8] + even[8:], odd[:-1], None]
        lock = threading.Lock()

        def wrong(environ, start_response):
            environ["wsgi.input"].read()
            with lock:
                bodies.append(bodies.pop(0))
            start_response("200 OK" if bodies[-1] else "500 Internal Server Error", [])
            return [json.dumps({"predictions": bodies[-1]}).encode()]

        result = benchmark.load(self.serve(wrong), asked, 1, 0.5)
        count = len(result.milliseconds[16])
        self.assertBetween(result.mixed, 2 * (count // 5), 2 * (count // 5) + 2)
        self.assertBetween(len(result.failures), count // 5, count // 5 + 1)
        self.assertStartsWith(result.failures[0], "status 500: ")
        self.assertBetween(result.changes[0], 2 * (count // 5) - 1, 2 * (count // 5) + 1)

    def test_generators_whose_opposite_is_alike_are_refused(self):
        generator = networks.mlp((4, 4, 1))
        generator.set_weights([0 * weight for weight in generator.get_weights()])
        with self.assertRaisesRegex(ValueError, "too similar"):
            benchmark.questions(generator)

    def test_percentiles(self):
        self.assertAllClose(benchmark.percentiles(np.arange(101)), [50, 90, 99])

    def test_the_whole_minute(self):
        run = benchmark.measure(benchmark.Config())
        self.assertEqual(run["load"]["changes"], [1, 1])
        _, _, early, late = run["load"]["memory"]
        self.assertLess(late, 1.1 * early)
        self.assertLen(run["ways"], 10)
        self.assertIn("| failed requests | 0 |", benchmark.render(run))
