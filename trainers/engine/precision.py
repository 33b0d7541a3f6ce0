"""The precision that `--precision=auto` means: that in which steps of the model that is to be trained are faster."""

import statistics
import time

import keras
import tensorflow as tf

from keras_gan import distribution
from trainers.engine import hardware

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
SECONDS = 6.0  # of steps, next to which each precision is compiled once
ROUNDS = 25
# bfloat16 has to be so many times as fast: more than what noise makes of equal speeds.
MARGIN = 1.15


def choose(strategy, make_step):
    """Decides on a precision.

    bfloat16 where the hardware computes it natively and training steps are at least 1.15 times as fast in it, as timed
    here in turn with float32; else float32. Of several workers the first decides.

    Args:
        strategy: `tf.distribute.Strategy`.
        make_step: Function without arguments that builds the model in Keras' present dtype policy, outside the
            strategy, and returns a function that makes a training step and waits for it.

    Returns:
        The triple of `"bfloat16"` or `"float32"`, the reason in a few words, and the median seconds of a step as a
        dictionary by precision, or `None` where none was timed.
    """
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return "bfloat16", "a TPU's native format", None
    native = hardware.native_bfloat16()
    seconds = time_steps(make_step) if native and hardware.is_chief(strategy) else None
    takes = bool(seconds) and seconds["float32"] >= MARGIN * seconds["bfloat16"]
    # The others bring nothing, so that the mean is above 0 if the first one is for it.
    chosen = "bfloat16" if distribution.mean_over_workers(strategy, takes) > 0.0 else "float32"
    if seconds is None:
        return chosen, "as the first worker found" if native else "no native bfloat16 here", None
    milliseconds = {name: f"{1000 * value:.3g} ms" for name, value in seconds.items()}
    reason = f"{native}; a step takes {milliseconds['bfloat16']} in bfloat16 and {milliseconds['float32']} in float32"
    return chosen, reason, seconds


def time_steps(make_step):
    """Times training steps in float32 and bfloat16, in turn; Keras' global state is afterwards as in a new process.

    Args:
        make_step: As for `choose`.

    Returns:
        Dictionary from each of the two to the median seconds of a step.
    """
    steps, times = {}, {"float32": [], "bfloat16": []}
    try:
        for name in times:
            keras.config.set_dtype_policy(POLICIES[name])
            steps[name] = make_step()
            steps[name]()
        end = time.monotonic() + SECONDS
        while len(times["bfloat16"]) < 3 or (len(times["bfloat16"]) < ROUNDS and time.monotonic() < end):
            for name, step in steps.items():
                began = time.perf_counter()
                step()
                times[name].append(time.perf_counter() - began)
    finally:
        keras.config.set_dtype_policy("float32")
        keras.backend.clear_session()
    return {name: statistics.median(each) for name, each in times.items()}
