"""TensorFlow Serving's REST addresses as a WSGI application, and a page to look at samples.

Paths, status codes and the form of errors are those of the server's `http_rest_api_handler.cc`, `http_server.cc` and
`get_model_status_impl.cc`.
"""

import logging
import secrets
from pathlib import Path

import jinja2
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from werkzeug import exceptions
from werkzeug.routing import BaseConverter, Map, Rule
from werkzeug.wrappers import Request, Response

from export.stand_in import memory, rest, served
from keras_gan.export.checks import signatures
from keras_gan.listener import LARGEST_REQUEST

_TEMPLATE = Path(__file__).with_name("page.html")


class _Name(BaseConverter):
    """The name of a model in an address."""

    regex = "[^/:]+"
    part_isolating = True


def _routes():
    rules = [Rule("/", endpoint="page", methods=["GET"])]
    for base in ("/v1/models/<name:name>", "/v1/models/<name:name>/versions/<int:number>"):
        rules += [
            Rule(base, endpoint="status", methods=["GET"]),
            Rule(f"{base}/metadata", endpoint="metadata", methods=["GET"]),
            Rule(f"{base}:predict", endpoint="predict", methods=["POST"]),
        ]
    return Map(rules, converters={"name": _Name}, strict_slashes=True, merge_slashes=False)


class Application:
    """Answers requests with what each model has loaded.

    A request is answered by one version, the one that is current when its inputs are read.

    Args:
        models: List of `watching.Model`.
        largest_request: The largest number of bytes that a request may have.
        largest_memory: About how many bytes of memory a request may need. One with a single row is always computed.

    Attributes:
        served: `served.Served`, which answers other kinds of requests too.
    """

    def __init__(self, models, largest_request=LARGEST_REQUEST, largest_memory=served.LARGEST_MEMORY):
        self.served = served.Served(models, largest_memory)
        self._largest = largest_request
        self._routes = _routes()
        environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
        self._template = environment.from_string(_TEMPLATE.read_text("utf-8"))

    def __call__(self, environ, start_response):
        request = Request(environ)
        request.max_content_length = self._largest
        return self._answer(request)(environ, start_response)

    def _answer(self, request):
        try:
            endpoint, values = self._routes.bind_to_environ(request.environ).match()
        except exceptions.HTTPException:
            status = 400 if request.path.startswith("/v1/") else 404
            return _error(status, f"Malformed request: {request.method} {request.path}")
        try:
            return getattr(self, f"_{endpoint}")(request, **values)
        except exceptions.RequestEntityTooLarge:
            return _error(413, f"The request must have at most {self._largest} bytes")
        except exceptions.HTTPException as error:
            return _error(error.code, error.description)
        except served.NotFoundError as error:
            return _error(404, str(error))
        except (ValueError, RecursionError) as error:
            return _error(400, str(error))
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            return _error(429, f"Out of memory: {error}")
        except Exception as error:
            logging.getLogger(__name__).exception("%s %s", request.method, request.path)
            return _error(500, f"{type(error).__name__}: {error}")

    def _status(self, request, name, number=None):
        entries = [
            {
                "version": str(version),
                "state": state,
                "status": {"error_code": "INVALID_ARGUMENT" if message else "OK", "error_message": message},
            }
            for version, state, message in self.served.states(name, number)
        ]
        return _json(rest.dump({"model_version_status": entries}))

    def _metadata(self, request, name, number=None):
        version = self.served.find(name, number)
        spec = {"name": name, "signature_name": "", "version": str(version.number)}
        metadata = {"signature_def": {"signature_def": _signature_defs(version.description)}}
        return _json(rest.dump({"model_spec": spec, "metadata": metadata}))

    def _predict(self, request, name, number=None):
        with self.served.slots:
            body = request.get_data(cache=False)
            version = self.served.find(name, number)
            self._check_body(body)
            signature, inputs, by_row = rest.decode(body, version.signatures)
            self.served.check_rows(signature, inputs, version.row_bytes[signature])
            outputs = version.run(signature, inputs)
            return _json(rest.encode(outputs, by_row))

    def _check_body(self, body):
        need = memory.of_json(body)
        if need > self.served.memory:
            raise ValueError(
                f"A request may need {self.served.memory} bytes of memory. Received: JSON that needs about {need} to "
                "be read"
            )

    def _page(self, request):
        nonce = secrets.token_urlsafe(16)
        models = [_summary(name, model.current) for name, model in sorted(self.served.models.items()) if model.current]
        response = Response(self._template.render(models=models, nonce=nonce), mimetype="text/html")
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; connect-src 'self'; img-src data:; style-src 'nonce-{nonce}'; "
            f"script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return response


def _summary(name, version):
    """Facts that the page needs about a model."""
    inputs = version.signatures.get("sample_png", {})
    count = version.card.get("num_classes") or 0
    classes = version.card.get("class_names") or [str(index) for index in range(count)]
    return {
        "name": name,
        "version": version.number,
        "images": {"seed", "truncation"} <= set(inputs),
        "translates": set(version.signatures.get("translate_png", {})) == {"image_bytes"},
        "classes": classes if "label" in inputs else None,
        "shape": version.card.get("image_shape"),
        "steps": (version.card.get("training") or {}).get("steps"),
    }


def _signature_defs(described):
    """Signatures in the form that the server's `metadata` has them."""

    def tensor(spec):
        sizes = [{"size": str(-1 if size is None else size), "name": ""} for size in spec["shape"]]
        dtype = types_pb2.DataType.Name(tf.as_dtype(spec["dtype"]).as_datatype_enum)
        return {"dtype": dtype, "tensor_shape": {"dim": sizes, "unknown_rank": False}, "name": ""}

    return {
        name: {
            **{side: {key: tensor(value) for key, value in signature[side].items()} for side in ("inputs", "outputs")},
            "method_name": signatures.METHOD,
        }
        for name, signature in described.items()
    }


def _json(body, status=200):
    return Response(body, status, mimetype="application/json")


def _error(status, message):
    return _json(rest.error(message), status)
