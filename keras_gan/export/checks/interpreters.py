"""Runs exported `.tflite` and `.onnx` files in a fresh process, with nothing but the interpreter they are made for.

This file is also the program of that process, so it imports nothing beyond NumPy until it knows what to run.
"""

import os
import pickle
import statistics
import subprocess
import sys
import time
from importlib import metadata, util

import numpy as np

THREADS = 1
REPEATS = 30
SECONDS = 1.0


def run(path, calls, timed=()):
    """Calls a file in a process without TensorFlow, Keras and this package.

    LiteRT (`ai-edge-litert`) runs `.tflite` files where it is installed, and TensorFlow's own interpreter otherwise;
    ONNX Runtime runs `.onnx` files. Both on the CPU, with one thread.

    Args:
        path: Path of the file.
        calls: List of `(signature, inputs)`: the name of a signature, which `.onnx` files do not have and ignore, and
            a dictionary from the names of its inputs to arrays.
        timed: Calls like these whose latency is measured.

    Returns:
        Dictionary of `interpreter`, its name and version; `answers`, per call a dictionary from the names of the
        outputs to arrays or, where the file refused the inputs, its message; and `milliseconds`, per timed call the
        median latency.

    Raises:
        ValueError: If the process fails, for instance because the file cannot be loaded.
    """
    done = subprocess.run(
        [sys.executable, "-P", __file__],  # -P: modules beside this file must not shadow installed packages.
        input=pickle.dumps((os.fspath(path), list(calls), list(timed))),
        capture_output=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
    )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ValueError(f"{path} could not be run: {reason}")
    return pickle.loads(done.stdout)


def _open_tflite(path):
    """A function that finds a signature by name, and the interpreter's name."""
    if util.find_spec("ai_edge_litert"):
        sys.modules.update(tensorflow=None, keras=None, keras_gan=None)
        from ai_edge_litert.interpreter import Interpreter

        name = f"ai-edge-litert {metadata.version('ai-edge-litert')}"
    else:
        import tensorflow as tf

        # Only now: TensorFlow itself looks for Keras when it is imported.
        sys.modules.update(keras=None, keras_gan=None)
        Interpreter, name = tf.lite.Interpreter, f"tf.lite of tensorflow {tf.__version__}"
    return Interpreter(path, num_threads=THREADS).get_signature_runner, name


def _open_onnx(path):
    """The same for an `.onnx` file, whose one function is found under any name."""
    sys.modules.update(tensorflow=None, keras=None, keras_gan=None)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = THREADS
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def call(**inputs):
        return dict(zip(names, session.run(names, inputs), strict=True))

    return lambda signature: call, f"onnxruntime {onnxruntime.__version__}"


def _milliseconds(function, inputs):
    """The median latency of `REPEATS` calls, or of as many as fit into `SECONDS`."""
    function(**inputs)
    times = []
    while len(times) < REPEATS and sum(times) < SECONDS:
        start = time.perf_counter()
        function(**inputs)
        times.append(time.perf_counter() - start)
    return 1000.0 * statistics.median(times)


def main():
    """Reads a pickled path and calls from standard input and writes the pickled results to standard output."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # What libraries print must not end up among the results.
    path, calls, timed = pickle.load(sys.stdin.buffer)
    find, interpreter = (_open_onnx if path.endswith(".onnx") else _open_tflite)(path)
    answers = []
    for signature, inputs in calls:
        function = find(signature)
        try:
            answers.append({name: np.array(value) for name, value in function(**inputs).items()})
        except Exception as error:  # Each library has classes of its own for what it refuses.
            answers.append(str(error) or type(error).__name__)
    milliseconds = [_milliseconds(find(signature), inputs) for signature, inputs in timed]
    with results:
        pickle.dump({"interpreter": interpreter, "answers": answers, "milliseconds": milliseconds}, results)


if __name__ == "__main__":
    main()
