"""Runs exported generators in a fresh process that cannot import Keras, and measures how far results are off.

This file is also the program of that process, so it imports nothing beyond NumPy until it knows what to run.
"""

import functools
import os
import pickle
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np

TIMED_CALLS = 30
TIMED_SECONDS = 0.5
# Of `.tflite` and `.onnx` files. TensorFlow takes as many as there are.
THREADS = 1


def run(calls):
    """Calls signatures of exported generators in a process without Keras and without this package.

    A SavedModel is run by TensorFlow, a `.tflite` file by LiteRT and an `.onnx` file by ONNX Runtime, both without
    TensorFlow, and all on the CPU.

    Args:
        calls: List of `(path, signature, inputs)`: a SavedModel folder, or a `.tflite` or `.onnx` file; the name of a
            signature in it, which `.onnx` files do not have and ignore; and a dictionary from the names of its inputs
            to arrays.

    Returns:
        List with one item per call: a dictionary from the names of the outputs to arrays or, where the generator
        refused the inputs, its message.

    Raises:
        ValueError: If the process fails, for instance because a file cannot be loaded.
    """
    return run_timed(calls, ())[0]


def run_timed(calls, timed):
    """Calls signatures as `run` does, and then repeats some of the calls to time them.

    Args:
        calls: As of `run`.
        timed: Indices into `calls`.

    Returns:
        The triple of the list that `run` returns; the list of the seconds of each call in `timed`, the median of at
        most `TIMED_CALLS` calls, fewer where they take longer than `TIMED_SECONDS`; and the name and version of what
        ran the first of the files.

    Raises:
        ValueError: As `run`.
    """
    calls = [(os.fspath(path), signature, inputs) for path, signature, inputs in calls]
    return in_process(__file__, (calls, list(timed)), "in a process without Keras")


def in_process(program, given, where):
    """The answer of a program, without GPUs, both sides as pickles on its standard input and output.

    Args:
        program: Path of a Python file.
        given: What it reads.
        where: What the process is like, for the error.

    Returns:
        What it writes.

    Raises:
        ValueError: If it fails.
    """
    done = subprocess.run(
        [sys.executable, "-P", program],  # -P: modules beside this file must not shadow installed packages.
        input=pickle.dumps(given),
        capture_output=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
    )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ValueError(f"The export could not be run {where}: {reason}")
    return pickle.loads(done.stdout)


def max_difference(expected, actual):
    """Largest absolute difference max |expected - actual| of two arrays; infinite where one is not a number.

    Args:
        expected: Array.
        actual: Array of the same shape and dtype.

    Returns:
        A float.

    Raises:
        ValueError: If shapes or dtypes differ.

    Example:

    >>> from keras_gan.export.checks import processes
    >>> processes.max_difference(np.uint8([0, 255]), np.uint8([3, 254]))
    3.0
    """
    expected, actual = np.asarray(expected), np.asarray(actual)
    if (expected.shape, expected.dtype) != (actual.shape, actual.dtype):
        raise ValueError(
            f"The export must return {expected.dtype} of shape {expected.shape}. "
            f"Received: {actual.dtype} of shape {actual.shape}"
        )
    difference = np.abs(expected.astype("float64") - actual.astype("float64")).max(initial=0.0)
    return float(np.nan_to_num(difference, nan=np.inf, posinf=np.inf))


def psnr(expected, actual):
    """Peak signal-to-noise ratio 10 log10(2^2 / mean (expected - actual)^2) of images in [-1, 1].

    Args:
        expected: Array.
        actual: Array of the same shape.

    Returns:
        Decibels, a float; infinite for equal images.

    Example:

    >>> from keras_gan.export.checks import processes
    >>> round(processes.psnr(np.zeros(5), np.full(5, 0.2)), 6)
    20.0
    """
    error = np.mean((np.asarray(expected, "float64") - np.asarray(actual, "float64")) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(4 / error))


def _forbid_keras():
    """Makes it, and this package, impossible to import."""
    sys.modules.update(keras=None, keras_gan=None)


def _open_saved_model(path):
    """A function that finds a signature by name, the error that refuses inputs, and the name of what runs it."""
    import tensorflow as tf

    _forbid_keras()  # Only now: TensorFlow itself looks for Keras when it is imported.
    loaded = tf.saved_model.load(path)

    def find(name):
        def call(**inputs):
            outputs = loaded.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
            return {key: value.numpy() for key, value in outputs.items()}

        return call

    return find, tf.errors.InvalidArgumentError, f"tensorflow {tf.__version__}"


def _open_tflite(path):
    _forbid_keras()
    sys.modules.setdefault("tensorflow", None)
    from ai_edge_litert.interpreter import Interpreter

    name = f"ai-edge-litert {metadata.version('ai-edge-litert')}"
    # What refuses inputs is RuntimeError or ValueError by turns.
    return Interpreter(path, num_threads=THREADS).get_signature_runner, Exception, name


def _open_onnx(path):
    _forbid_keras()
    sys.modules.setdefault("tensorflow", None)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = THREADS
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def call(**inputs):
        return dict(zip(names, session.run(names, inputs), strict=True))

    return lambda signature: call, Exception, f"onnxruntime {onnxruntime.__version__}"


def _open(path):
    if Path(path).is_dir():
        return _open_saved_model(path)
    return {".tflite": _open_tflite, ".onnx": _open_onnx}[Path(path).suffix](path)


def _median_seconds(call):
    """Median duration of a call without arguments."""
    durations = []
    while len(durations) < TIMED_CALLS and (len(durations) < 3 or sum(durations) < TIMED_SECONDS):
        start = time.perf_counter()
        call()
        durations.append(time.perf_counter() - start)
    return float(np.median(durations))


def main():
    """Reads pickled calls from standard input and writes their pickled results to standard output."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # What libraries print must not end up among the results.
    calls, timed = pickle.load(sys.stdin.buffer)
    opened, answers = {}, []
    for path, signature, inputs in calls:
        if path not in opened:
            opened[path] = _open(path)
        find, refusal, _ = opened[path]
        function = find(signature)
        try:
            answers.append({name: np.array(value) for name, value in function(**inputs).items()})
        except refusal as error:
            answers.append(str(error) or type(error).__name__)
    seconds = []
    for index in timed:
        path, signature, inputs = calls[index]
        function = opened[path][0](signature)
        seconds.append(_median_seconds(functools.partial(function, **inputs)))
    name = next((name for _, _, name in opened.values()), None)
    with results:
        pickle.dump((answers, seconds, name), results)


if __name__ == "__main__":
    main()
