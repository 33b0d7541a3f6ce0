"""The JSON of TensorFlow Serving's predict requests: to arrays, and from arrays.

Rows are a list `instances` with one object per row, columns an object `inputs` with one list per input. A signature
with one input takes its bare values in place of objects, and an output that is alone has no name in the answer.
"""

import base64
import json

import numpy as np
import tensorflow as tf


def decode(body, signatures):
    """Reads a predict request.

    Args:
        body: The request's body, bytes.
        signatures: Dictionary from the name of a signature to its inputs, a dictionary of `tf.TensorSpec`.

    Returns:
        The triple of the signature's name, a dictionary of arrays, and whether the request is by row.

    Raises:
        ValueError: If the request is not one for these signatures.
    """
    try:
        request = json.loads(body)
    except ValueError as error:
        raise ValueError(f"JSON Parse error: {error}") from None
    if not isinstance(request, dict):
        raise ValueError("The request must be a JSON object")
    name = request.get("signature_name", "") or "serving_default"
    if not isinstance(name, str) or name not in signatures:
        raise ValueError(f"Serving signature name: {json.dumps(name)} not found in signature def")
    if ("instances" in request) == ("inputs" in request):
        raise ValueError('The request must hold either "instances" or "inputs"')
    by_row = "instances" in request
    specs = signatures[name]
    columns = _columns(request["instances"], specs) if by_row else _named(request["inputs"], specs)
    inputs = {key: _array(key, columns[key], spec) for key, spec in specs.items()}
    if by_row:
        return name, inputs, True
    lengths = {key: len(value) for key, value in inputs.items() if value.ndim}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"inputs must have the same number of rows. Received: {lengths}")
    return name, inputs, False


def _columns(instances, specs):
    """The values of each input, from a list of rows."""
    if not isinstance(instances, list) or not instances:
        raise ValueError('"instances" must be a list of at least one row')
    if len(specs) == 1 and not any(isinstance(row, dict) and set(row) != {"b64"} for row in instances):
        return {key: instances for key in specs}
    for number, row in enumerate(instances):
        if not isinstance(row, dict) or set(row) != set(specs):
            received = sorted(row) if isinstance(row, dict) else row
            raise ValueError(f"Row {number} must be an object with the inputs {sorted(specs)}. Received: {received!r}")
    return {key: [row[key] for row in instances] for key in specs}


def _named(inputs, specs):
    """The values of each input; ones that the signature does not have are ignored, as the server does."""
    if not isinstance(inputs, dict):
        if len(specs) != 1:
            raise ValueError(f'"inputs" must be an object with the inputs {sorted(specs)}')
        return {key: inputs for key in specs}
    missing = sorted(set(specs) - set(inputs))
    if missing:
        raise ValueError(f"Missing inputs: {missing}")
    return inputs


def _array(name, values, spec):
    if spec.dtype == tf.string:
        return _binary(name, values)
    dtype = spec.dtype.as_numpy_dtype
    kinds = (int,) if np.issubdtype(dtype, np.integer) else (int, float)
    try:
        _check_numbers(values, kinds)
        array = np.asarray(values, object).astype(dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"Input {name} must hold {spec.dtype.name} numbers: {error}") from None
    if not spec.shape.is_compatible_with(array.shape):
        raise ValueError(f"Input {name} must have shape {spec.shape}. Received: shape {array.shape}")
    return array


def _binary(name, values):
    """A row of bytes, each from an object `{"b64": TEXT}`, or from text as it is."""
    found = []
    for value in values if isinstance(values, list) else [None]:
        try:
            if isinstance(value, dict) and set(value) == {"b64"}:
                found.append(base64.b64decode(value["b64"], validate=True))
            else:
                found.append(value.encode())
        except (AttributeError, TypeError, ValueError):
            raise ValueError(
                f'Input {name} must hold a list of objects {{"b64": "..."}} with bytes in base 64, or of strings'
            ) from None
    return np.array(found, object)


def _check_numbers(values, kinds):
    if isinstance(values, list):
        for value in values:
            _check_numbers(value, kinds)
    elif not isinstance(values, kinds) or isinstance(values, bool):
        raise TypeError(f"not {json.dumps(values)}")


def encode(outputs, by_row):
    """Writes the answer to a predict request.

    Args:
        outputs: Dictionary of arrays.
        by_row: Whether the request was by row.

    Returns:
        The answer's body, bytes.
    """
    columns = {name: _values(name, value) for name, value in outputs.items()}
    if len(columns) == 1:
        (answer,) = columns.values()
        parts = _list(answer)
    elif by_row:
        parts = _list(dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    else:
        parts = b"{" + b", ".join(dump(name) + b": " + _list(column) for name, column in columns.items()) + b"}"
    return b'{"%s": %s}' % (b"predictions" if by_row else b"outputs", parts)


def _list(rows):
    # Row by row: within one call of the encoder no other thread runs, and a large answer would stop all of them.
    return b"[" + b", ".join(map(dump, rows)) + b"]"


def _values(name, array):
    """The rows of an output, each as the encoder takes it."""
    if name.endswith("_bytes"):
        return ({"b64": base64.b64encode(value).decode()} for value in array.tolist())
    return (row.tolist() for row in array)


def dump(contents):
    """JSON, as bytes."""
    return json.dumps(contents).encode()


def error(message):
    """The body of an answer that refuses a request, bytes."""
    return dump({"error": message})


def input_specs(function):
    """The inputs of a loaded signature: a dictionary of `tf.TensorSpec`."""
    return {
        spec.name: tf.TensorSpec(spec.shape, spec.dtype) for spec in function.structured_input_signature[1].values()
    }
