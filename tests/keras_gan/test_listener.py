import contextlib
import http.client
import json
import socket
import threading
import time
import unittest
import unittest.mock
from concurrent import futures

from keras_gan import listener
from tests.test_case import TestCase

ROOM = 1000


class ListenerTest(TestCase):
    def serve(self, application):
        """A running `Listener`, which ends with the test."""
        server = self.enterContext(listener.Listener(application, largest_request=ROOM))
        thread = threading.Thread(target=server.run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.stop)
        return server

    def connect(self, server):
        place = server.address.removeprefix("http://").rstrip("/")
        return self.enterContext(contextlib.closing(http.client.HTTPConnection(place, timeout=60)))

    def test_refuses_in_json_what_does_not_reach_the_application(self):
        server = self.serve(lambda environ, start_response: self.fail("It was asked."))
        for headers, status, message in (
            ({"Content-Length": str(ROOM + 1)}, 413, f"The request must have at most {ROOM} bytes"),
            ({"Content-Length": "x"}, 400, "Bad Request: "),
            ({"Transfer-Encoding": "x"}, 501, "Not Implemented: "),
        ):
            connection = self.connect(server)
            connection.putrequest("POST", "/")
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            contents = json.loads(answer.read())
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (status, "application/json"), contents)
            self.assertEqual(list(contents), ["error"])
            self.assertStartsWith(contents["error"], message)
        connection = self.connect(server)
        # In one write: the server hangs up as soon as it has seen too much, which would break later ones.
        connection.putrequest("POST", "/")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(b"%x\r\n" % (ROOM + 1) + b"x" * (ROOM + 1))
        self.assertEqual(connection.getresponse().status, 413)

    def test_takes_what_is_just_small_enough(self):
        def count(environ, start_response):
            start_response("200 OK", [])
            return [str(len(environ["wsgi.input"].read())).encode()]

        connection = self.connect(self.serve(count))
        connection.request("POST", "/", b"x" * ROOM)
        self.assertEqual(connection.getresponse().read(), str(ROOM).encode())

    def test_pages_of_other_sites_are_refused(self):
        def answer(environ, start_response):
            start_response("200 OK", [])
            return [b"here"]

        server = self.serve(answer)
        place = server.address.removeprefix("http://").rstrip("/")
        port = place.rpartition(":")[2]
        for headers, status in (
            ({}, 200),
            ({"Host": f"localhost:{port}"}, 200),
            ({"Host": "[::1]:80"}, 200),
            ({"Origin": f"http://{place}"}, 200),
            ({"Host": "evil.example"}, 403),
            ({"Host": "127.0.0.1.evil.example"}, 403),
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Host": f"localhost:{port}", "Origin": f"http://{place}"}, 403),
        ):
            connection = self.connect(server)
            connection.request("POST", "/", b"{}", headers)
            found = connection.getresponse()
            body = found.read()
            self.assertEqual(found.status, status, headers)
            if status == 403:
                self.assertIn("Received: ", json.loads(body)["error"])

    def test_idle_connections_hold_up_no_others(self):
        def answer(environ, start_response):
            start_response("200 OK", [])
            return [b"here"]

        self.enterContext(unittest.mock.patch.object(listener, "CONNECTIONS", 5))
        self.enterContext(unittest.mock.patch.object(listener, "SECONDS_IDLE", 0.1))
        server = self.serve(answer)
        host, port = server.address.removeprefix("http://").rstrip("/").split(":")
        idle = [self.enterContext(contextlib.closing(socket.create_connection((host, int(port))))) for _ in range(20)]
        self.assertLen(idle, 20)
        connection = self.connect(server)
        connection.request("GET", "/")
        self.assertEqual(connection.getresponse().read(), b"here")

    def test_long_requests_hold_up_no_others(self):
        release, waiting = threading.Event(), threading.Semaphore(0)

        def slow(environ, start_response):
            if environ["PATH_INFO"] == "/slow":
                waiting.release()
                release.wait(60)
            start_response("200 OK", [])
            return [environ["PATH_INFO"].encode()]

        def ask(connection, path):
            connection.request("GET", path)
            return connection.getresponse().read()

        server = self.serve(slow)
        with futures.ThreadPoolExecutor(40) as pool:
            held = [pool.submit(ask, self.connect(server), "/slow") for _ in range(40)]
            for _ in held:
                self.assertTrue(waiting.acquire(timeout=60))
            self.assertEqual(ask(self.connect(server), "/status"), b"/status")
            release.set()
            self.assertEqual({answer.result() for answer in held}, {b"/slow"})

    def test_ends_after_the_answers_that_are_due(self):
        begun, release = threading.Event(), threading.Event()
        large = b"x" * 2**25  # More than the system takes at once.

        def slow(environ, start_response):
            begun.set()
            release.wait(60)
            start_response("200 OK", [("Content-Length", str(len(large)))])
            return [large]

        with listener.Listener(slow) as server, futures.ThreadPoolExecutor(2) as pool:
            running = pool.submit(server.run)
            idle = self.connect(server)
            idle.connect()
            connection = self.connect(server)
            connection.request("GET", "/")
            self.assertTrue(begun.wait(60))
            server.stop()
            time.sleep(0.2)
            self.assertFalse(running.done())
            release.set()
            answer = pool.submit(lambda: connection.getresponse().read())
            self.assertEqual(answer.result(60), large)
            running.result(60)
        with self.assertRaises(ConnectionRefusedError):
            self.connect(server).connect()

    def test_where_it_listens(self):
        with listener.Listener(print) as server:
            self.assertRegex(server.address, r"\Ahttp://127\.0\.0\.1:[0-9]+/\Z")
            port = int(server.address.rstrip("/").rpartition(":")[2])
            with self.assertRaisesRegex(OSError, f"Cannot listen on 127.0.0.1 port {port}: "):
                listener.Listener(print, port=port)
        with self.assertRaisesRegex(OSError, "Cannot listen on 192.0.2.1 port 0: "):
            listener.Listener(print, "192.0.2.1")  # An address for documentation, of no machine.

    @unittest.skipUnless(socket.has_dualstack_ipv6(), "There is no IPv6.")
    def test_ipv6(self):
        with listener.Listener(print, "::1") as server:
            self.assertStartsWith(server.address, "http://[::1]:")
