from benchmarks import startup
from tests.test_case import TestCase


class StartupTest(TestCase):
    def test_bad_input(self):
        for flags, expected in (
            (["--before=nowhere"], "--before must be a checkout of this package. Received: --before=nowhere"),
            (["--before=.", "--before_python=nothing"], "--before_python must be a Python"),
        ):
            self.assertIn(expected, self.refusal(startup.main, *flags))

    def test_the_version_before_is_a_row_where_there_is_one(self):
        run = {"phases": {"trace": 0.5}, "trainer": 3.0}
        self.assertNotIn("before", startup.render(run))
        self.assertIn("| the same of the version before | 4 |", startup.render({**run, "before": 4.0}))
