"""The labelling page as a WSGI application: one page, and one address that takes what was marked on it."""

import ipaddress
import json
import secrets
import threading
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
from werkzeug import exceptions
from werkzeug.wrappers import Request, Response

from keras_gan.files import pictures
from trainers.forgetting import marks

_TEMPLATE = Path(__file__).with_name("label.html")
LARGEST_REQUEST = 2**24


class Application:
    """Shows samples, and writes which of them were marked.

    It answers only requests that name this machine itself: a page of another site can make its own name mean this
    machine's address (DNS rebinding), but not change the name that its requests carry. It saves only for its own page.

    Args:
        start: `marks.Marks` to begin with.
        images: uint8 samples `(n, height, width, channels)`.
        captions: One text for each sample.
        out: `pathlib.Path` of the file that is written.
        title: What the page is called.
        next_command: What to run with that file.
    """

    def __init__(self, start, images, captions, out, title, next_command):
        self.marks = start
        self.saved = False
        self._out = out
        self._lock = threading.Lock()
        self._facts = {
            "title": title,
            "samples": [
                {"source": pictures.data_uri(image), "caption": caption}
                for image, caption in zip(images, captions, strict=True)
            ],
            "height": images.shape[1],
            "width": images.shape[2],
            "out": str(out),
            "next": next_command,
            # What marks on this page are of: those of others are kept apart from them in the browser.
            "key": f"{start.model[:20]} {start.seed} {start.n} {out.name}",
        }
        environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
        self._template = environment.from_string(_TEMPLATE.read_text("utf-8"))

    def __call__(self, environ, start_response):
        request = Request(environ)
        request.max_content_length = LARGEST_REQUEST
        try:
            response = self._answer(request)
        except exceptions.HTTPException as error:
            response = _json({"error": error.description}, error.code)
        except (ValueError, RecursionError) as error:
            response = _json({"error": str(error)}, 400)
        except OSError as error:
            response = _json({"error": str(error)}, 500)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response(environ, start_response)

    def _answer(self, request):
        if not _is_loopback(request.headers.get("Host", "")):
            raise exceptions.Forbidden("Only this machine is answered, by a name such as localhost or 127.0.0.1.")
        if (request.method, request.path) == ("GET", "/"):
            return self._page()
        if (request.method, request.path) == ("POST", "/save"):
            return self._save(request)
        raise exceptions.NotFound(f"There is nothing here: {request.method} {request.path}")

    def _page(self):
        nonce = secrets.token_urlsafe(16)
        with self._lock:
            facts = {**self._facts, "marked": self.marks.marked, "saved": self.saved}
        response = Response(self._template.render(facts=facts, title=facts["title"], nonce=nonce), mimetype="text/html")
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; connect-src 'self'; img-src data:; style-src 'nonce-{nonce}'; "
            f"script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return response

    def _save(self, request):
        if request.headers.get("Origin", "").lower() != f"http://{request.headers['Host']}".lower():
            raise exceptions.Forbidden("Only the page itself may save.")
        if request.mimetype != "application/json":
            raise exceptions.UnsupportedMediaType("Expected application/json.")
        contents = json.loads(request.get_data(cache=False))
        if not isinstance(contents, dict) or set(contents) != {"marked"}:
            raise ValueError('Expected {"marked": [...]}.')
        with self._lock:
            new = marks.Marks(**{**vars(self.marks), "marked": marks.check_marked(contents["marked"], self.marks.n)})
            new.write(self._out)
            self.marks, self.saved = new, True
        return _json({"saved": len(new.marked)})


def _is_loopback(host):
    """Tells whether the name in a `Host` header is one of this machine for itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _json(contents, status=200):
    return Response(json.dumps(contents), status, mimetype="application/json")
