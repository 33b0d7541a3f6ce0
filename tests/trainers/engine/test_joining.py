"""Workers that meet: each is a thread, or a process where it is interrupted."""

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from absl.testing import parameterized

from tests.test_case import TestCase
from trainers import launch
from trainers.engine import joining

# Without the package, whose import takes seconds.
SCRIPT = "import runpy, sys; runpy.run_path(sys.argv[1])['meet'](sys.argv[4:], int(sys.argv[2]), float(sys.argv[3]))"


class MeetTest(TestCase, parameterized.TestCase):
    def meet(self, tasks, minutes=1.0, delay=0.0):
        """Starts pairs of addresses and an index; what each raised, or `None`."""
        raised = [None] * len(tasks)

        def run(place, addresses, index):
            try:
                joining.meet(addresses, index, minutes)
            except Exception as error:
                raised[place] = error

        threads = [threading.Thread(target=run, args=(place, *task)) for place, task in enumerate(tasks)]
        for thread in threads:
            thread.start()
            time.sleep(delay)
        for thread in threads:
            thread.join(30)
            self.assertFalse(thread.is_alive())
        return raised

    @parameterized.parameters([0, 1, 2], [2, 1, 0])
    def test_all_go_on_together_in_any_order(self, *order):
        addresses = launch.free_addresses(3)
        self.assertEqual(self.meet([(addresses, index) for index in order], delay=0.05), [None] * 3)

    def test_alone(self):
        self.assertEqual(self.meet([(launch.free_addresses(1), 0)]), [None])

    def test_the_missing_are_named_to_all(self):
        addresses = launch.free_addresses(4)
        raised = self.meet([(addresses, 0), (addresses, 2)], minutes=0.01)
        for error in raised:
            self.assertIsInstance(error, OSError)
            self.assertRegex(
                str(error),
                rf"after --join_timeout=0.01 minutes without worker 1 at {addresses[1]}, worker 3 at {addresses[3]}:",
            )

    def test_the_first_is_missing(self):
        addresses = launch.free_addresses(2)
        [error] = self.meet([(addresses, 1)], minutes=0.01)
        self.assertIn(f"without worker 0 at {addresses[0]}", str(error))

    def test_mistakes(self):
        addresses = launch.free_addresses(3)
        others = [*addresses[:2], "127.0.0.1:1"]
        raised = self.meet([(addresses, 0), (addresses, 1), (addresses, 1), (others, 2)], minutes=0.02, delay=0.1)
        self.assertIn("without worker 2", str(raised[0]))
        self.assertIn("without worker 2", str(raised[1]))
        self.assertRegex(str(raised[2]), "Two processes are worker 1")
        self.assertRegex(str(raised[3]), "were told different addresses")
        with socket.create_server(("", int(addresses[0].rpartition(":")[2]))):
            [error] = self.meet([(addresses, 0)])
        self.assertRegex(str(error), "Worker 0 cannot listen at")

    def test_whoever_leaves_may_come_again(self):
        addresses = launch.free_addresses(3)
        first = threading.Thread(target=joining.meet, args=(addresses, 0, 1.0))
        first.start()
        leaving = self.start(addresses, 1)
        time.sleep(0.5)
        leaving.kill()
        leaving.wait()
        # A stranger on the port is no worker.
        with socket.create_connection(("127.0.0.1", int(addresses[0].rpartition(":")[2]))) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n")
        self.assertEqual(self.meet([(addresses, 1), (addresses, 2)]), [None, None])
        first.join(10)
        self.assertFalse(first.is_alive())

    def start(self, addresses, index, minutes=1.0):
        path = Path(joining.__file__)
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, path, str(index), str(minutes), *addresses], stderr=subprocess.PIPE
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    @parameterized.product(index=[0, 1], number=[signal.SIGTERM, signal.SIGINT])
    def test_signals_end_the_waiting(self, index, number):
        process = self.start(launch.free_addresses(2), index)
        time.sleep(0.3)
        process.send_signal(number)
        self.assertEqual(process.wait(5), -number)
