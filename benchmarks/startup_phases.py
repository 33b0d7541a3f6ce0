"""Phases of a start, timed in this process: a worker of `benchmarks.startup`, which imports nothing beforehand."""

import json
import os
import time


def probe():
    """Goes from the imports to the second step in this process, and times each phase."""
    phases, began = {}, time.perf_counter()

    def note(name):
        nonlocal began
        now = time.perf_counter()
        phases[name], began = now - began, now

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import numpy  # noqa: F401

    note("import numpy")
    import trainers  # noqa: F401

    note("import trainers: TensorFlow, Keras")
    import keras_gan
    from trainers import dcgan
    from trainers.engine import flags, hardware

    note("import the recipe")
    config = dcgan.Config(precision="float32")
    hardware.make_strategy(config)
    flags.configure_tensorflow(config)
    examples = flags.find(config)
    note("read the data")
    dataset, spec = keras_gan.data.load(examples, batch_size=config.batch_size, repeat=True)
    iterator = iter(dataset)
    next(iterator)
    note("first batch")
    gan = dcgan.build(config, spec)
    note("build the networks, compile")
    step = gan.make_train_function()
    step(iterator)
    note("trace, first step")
    step(iterator)
    # The same again, without tracing: the first step's own share.
    second = time.perf_counter() - began
    phases["trace"] = phases.pop("trace, first step") - second
    phases["first step"] = second
    return phases


if __name__ == "__main__":
    print(json.dumps(probe()))
