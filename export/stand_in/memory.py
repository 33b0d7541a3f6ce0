"""The memory that a request needs, known before any of it is spent."""

import math

import tensorflow as tf

# What calls another graph, and under which attribute; of a loop, one round is counted.
_CALLS = {"PartitionedCall": "f", "StatefulPartitionedCall": "f", "While": "body", "StatelessWhile": "body"}
# The longest texts of values with their separators: "-128, ", "false, ", "-2.2250738585072014e-308, ".
_TEXT_OF_BYTE, _TEXT = 7, 26
_COPIES_OF_TEXT = 3  # The rows, their list, and the answer around it.
_LARGEST_CHARACTER, _OBJECT = 4, 112


def of_json(body):
    """An upper bound of the bytes that reading JSON needs.

    Args:
        body: The text, bytes.

    Returns:
        An integer: four for each character, and a Python object for each value and each beginning of several.
    """
    return _LARGEST_CHARACTER * len(body) + _OBJECT * sum(map(body.count, (b",", b":", b"[", b"{")))


def of_row(function):
    """About the bytes that a row of a signature needs.

    They are the most that are in use at a time if its operations run one after the other and give back at once what
    no later one reads, and the answer's text. What does not grow with the rows is left out, and so are strings, such
    as PNG files, which are small beside the images that they are made of.

    Args:
        function: A signature of a loaded SavedModel.

    Returns:
        An integer.
    """
    text = sum(_values(output) * (_TEXT_OF_BYTE if output.dtype.size == 1 else _TEXT) for output in function.outputs)
    return _peak(function.graph) + _COPIES_OF_TEXT * text


def _peak(graph):
    operations = graph.get_operations()
    last_use = {tensor.ref(): place for place, operation in enumerate(operations) for tensor in operation.inputs}
    last_use |= {tensor.ref(): len(operations) for tensor in graph.outputs}
    in_use = most = 0
    for place, operation in enumerate(operations):
        if operation.type == "Placeholder":  # These belong to the caller.
            continue
        in_use += sum(map(_bytes, operation.outputs))
        called = _CALLS.get(operation.type)
        within = _peak(graph._get_function(operation.get_attr(called).name).graph) if called else 0
        most = max(most, in_use + within)
        for tensor in {tensor.ref() for tensor in (*operation.inputs, *operation.outputs)}:
            if last_use.get(tensor, place) == place and tensor.deref().op.type != "Placeholder":
                in_use -= _bytes(tensor.deref())
    return most


def _bytes(tensor):
    return _values(tensor) * (tensor.dtype.size or 0)


def _values(tensor):
    """The number of values of a tensor in a row: none where its first axis is not the batch."""
    shape = tensor.shape
    if not shape.rank or shape[0] is not None or not shape[1:].is_fully_defined() or tensor.dtype == tf.string:
        return 0
    return math.prod(shape[1:].as_list())
