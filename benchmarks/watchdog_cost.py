"""The share of training time that the watchdog costs, for two recipes at their default interval.

    python benchmarks/watchdog_cost.py

Steps and looks alternate in one run; medians. The first look, which compiles, is reported apart.
"""

import itertools
import statistics
import tempfile
import time

import keras

from keras_gan import callbacks, data
from trainers import dcgan, mlp_gan

ROUNDS, STEPS = 6, 12


def main():
    """Measures and prints."""
    held_out = data.open_source("mnist5k", "test")
    for name, recipe in (("dcgan", dcgan), ("mlp_gan", mlp_gan)):
        config = recipe.Config()
        dataset, spec = data.load("mnist5k", batch_size=config.batch_size, repeat=True)
        gan = recipe.build(config, spec)
        steps, looks = [], []
        with tempfile.TemporaryDirectory() as folder:
            watchdog = callbacks.Watchdog(
                "mnist5k", config.log_every, held_out=held_out, classes="mnist_classifier", folder=folder
            )
            watchdog.set_model(gan)
            moments = []
            clock = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs, moments=moments: moments.append(time.perf_counter())
            )
            for _ in range(ROUNDS):
                moments.clear()
                gan.fit(dataset, steps_per_epoch=STEPS, verbose=0, callbacks=[clock])
                steps += [later - earlier for earlier, later in itertools.pairwise(moments)]
                began = time.perf_counter()
                watchdog.at_step(int(gan.step.numpy()), {})
                looks.append(time.perf_counter() - began)
        step, look = statistics.median(steps), statistics.median(looks[1:])
        share = look / (look + step * config.log_every)
        print(f"{name}: step {1000 * step:.1f} ms, look {1000 * look:.0f} ms, the first {looks[0]:.1f} s")
        print(f"{name}: a look every {config.log_every} steps takes {100 * share:.2f} % of the time")


if __name__ == "__main__":
    main()
