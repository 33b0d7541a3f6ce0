"""Runs exported SavedModels through TensorFlow's C API, in a process that imports no TensorFlow.

TensorFlow Serving loads and runs a SavedModel with the same C++ code, so what passes here, Python cannot have helped.
This file is also the program of that process.
"""

import ctypes
import importlib.util
import os
import pickle
import sys
from pathlib import Path

import numpy as np

# TensorFlow's numbers of the types that signatures use.
_STRING = 7
_DTYPES = {1: np.float32, 3: np.int32, 4: np.uint8, 9: np.int64}
_CODES = {np.dtype(dtype): code for code, dtype in _DTYPES.items()}
_INVALID_ARGUMENT = 3
_STRING_BYTES = 24


def library():
    """Path of the library `libtensorflow_cc` in the installed TensorFlow, or `None` where it comes without one."""
    package = importlib.util.find_spec("tensorflow")
    folders = package.submodule_search_locations if package else []
    found = (file for folder in folders for file in sorted(Path(folder).glob("libtensorflow_cc.*")))
    return next(found, None)


def run(calls):
    """Calls signatures of SavedModels as `keras_gan.export.checks.processes.run` does, through the C API.

    Args:
        calls: List of `(path, signature, inputs)`: a SavedModel folder, the name of a signature in it, and a
            dictionary from the names of its inputs to arrays.

    Returns:
        List with one item per call: a dictionary from the names of the outputs to arrays or, where the graph
        refused the inputs, its message.

    Raises:
        ValueError: If the process fails, for instance because a SavedModel cannot be loaded.
    """
    from keras_gan.export.checks import (  # Only here: in the process itself there is no such package.
        processes,
        signatures,
    )

    names = {}
    for path, signature, _ in calls:
        if (path, signature) not in names:
            definition = signatures.signature_defs(path)[signature]
            names[path, signature] = [
                {key: tensor.name for key, tensor in side.items()} for side in (definition.inputs, definition.outputs)
            ]
    resolved = []
    for path, signature, inputs in calls:
        sources, fetches = names[path, signature]
        resolved.append((os.fspath(path), {sources[key]: value for key, value in inputs.items()}, fetches))
    return processes.in_process(__file__, (os.fspath(library()), resolved), "through TensorFlow's C API")


class _Endpoint(ctypes.Structure):
    """`TF_Input` and `TF_Output`: an operation of the graph, and which of its inputs or outputs."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


class _Buffer(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p))


def _declare(path):
    """The library, with the types of the functions used here, which ctypes would take for ints."""
    tf = ctypes.CDLL(os.fspath(path), mode=ctypes.RTLD_GLOBAL)
    pointer, text, integer, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
    functions = {
        "TF_NewStatus": (pointer,),
        "TF_GetCode": (integer, pointer),
        "TF_Message": (text, pointer),
        "TF_NewGraph": (pointer,),
        "TF_NewSessionOptions": (pointer,),
        "TF_LoadSessionFromSavedModel": (
            pointer, pointer, pointer, text, ctypes.POINTER(text), integer, pointer, pointer, pointer,
        ),
        "TF_GraphOperationByName": (pointer, pointer, text),
        "TF_AllocateTensor": (pointer, integer, pointer, integer, size),
        "TF_DeleteTensor": (None, pointer),
        "TF_TensorType": (integer, pointer),
        "TF_TensorData": (pointer, pointer),
        "TF_NumDims": (integer, pointer),
        "TF_Dim": (ctypes.c_int64, pointer, integer),
        "TF_TensorByteSize": (size, pointer),
        "TF_StringGetDataPointer": (pointer, pointer),
        "TF_StringGetSize": (size, pointer),
        "TF_SessionRun": (
            None, pointer, pointer, pointer, pointer, integer, pointer, pointer, integer, pointer, integer,
            pointer, pointer,
        ),
    }  # fmt: skip
    for name, (result, *arguments) in functions.items():
        function = getattr(tf, name)
        function.restype, function.argtypes = result, arguments
    return tf


class _Session:
    """A loaded SavedModel. Nothing is freed but tensors: the process ends after a few calls."""

    def __init__(self, tf, path):
        self.tf, self.status, self.graph = tf, tf.TF_NewStatus(), tf.TF_NewGraph()
        tags, meta_graph = (ctypes.c_char_p * 1)(b"serve"), _Buffer()
        self.session = tf.TF_LoadSessionFromSavedModel(
            tf.TF_NewSessionOptions(), None, path.encode(), tags, 1, self.graph, ctypes.byref(meta_graph), self.status
        )
        if tf.TF_GetCode(self.status):
            raise ValueError(" ".join(tf.TF_Message(self.status).decode(errors="replace").split()))

    def run(self, inputs, fetches):
        """Output arrays by name, or the message of a refusal."""
        tf = self.tf
        sources = (_Endpoint * len(inputs))(*(self._endpoint(name) for name in inputs))
        targets = (_Endpoint * len(fetches))(*(self._endpoint(name) for name in fetches.values()))
        given = (ctypes.c_void_p * len(inputs))(*(self._tensor(np.asarray(value)) for value in inputs.values()))
        results = (ctypes.c_void_p * len(fetches))()
        tf.TF_SessionRun(
            self.session, None, sources, given, len(inputs), targets, results, len(fetches), None, 0, None, self.status
        )
        for tensor in given:
            tf.TF_DeleteTensor(tensor)
        code = tf.TF_GetCode(self.status)
        if code:
            message = tf.TF_Message(self.status).decode(errors="replace")
            if code != _INVALID_ARGUMENT:
                raise ValueError(" ".join(message.split()))
            return message
        answer = {}
        for name, tensor in zip(fetches, results, strict=True):
            answer[name] = self._array(tensor)
            tf.TF_DeleteTensor(tensor)
        return answer

    def _endpoint(self, name):
        operation, _, index = name.rpartition(":")
        found = self.tf.TF_GraphOperationByName(self.graph, operation.encode())
        if not found:
            raise ValueError(f"The graph has no operation {operation}")
        return _Endpoint(found, int(index))

    def _tensor(self, array):
        array = np.ascontiguousarray(array)
        shape = (ctypes.c_int64 * max(1, array.ndim))(*array.shape)
        tensor = self.tf.TF_AllocateTensor(_CODES[array.dtype], shape, array.ndim, array.nbytes)
        ctypes.memmove(self.tf.TF_TensorData(tensor), array.ctypes.data, array.nbytes)
        return tensor

    def _array(self, tensor):
        tf = self.tf
        shape = tuple(tf.TF_Dim(tensor, axis) for axis in range(tf.TF_NumDims(tensor)))
        data, code = tf.TF_TensorData(tensor), tf.TF_TensorType(tensor)
        if code != _STRING:
            contents = ctypes.string_at(data, tf.TF_TensorByteSize(tensor))
            return np.frombuffer(contents, _DTYPES[code]).reshape(shape)
        result = np.empty(int(np.prod(shape)), object)
        for i in range(result.size):
            string = data + i * _STRING_BYTES
            result[i] = ctypes.string_at(tf.TF_StringGetDataPointer(string), tf.TF_StringGetSize(string))
        return result.reshape(shape)


def main():
    """Reads a library's path and pickled calls from standard input, writes pickled results to standard output."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # What the library prints must not end up among the results.
    path, calls = pickle.load(sys.stdin.buffer)
    tf, sessions, answers = _declare(path), {}, []
    for folder, inputs, fetches in calls:
        if folder not in sessions:
            sessions[folder] = _Session(tf, folder)
        answers.append(sessions[folder].run(inputs, fetches))
    if "tensorflow" in sys.modules or "keras" in sys.modules:
        raise ValueError("TensorFlow's Python code was imported, so that nothing is proven")
    with results:
        pickle.dump(answers, results)


if __name__ == "__main__":
    main()
