"""The share of training time that checkpoints cost, for the default recipe at its default interval.

    python benchmarks/checkpoints.py

Steps and saves alternate in one run; medians.
"""

import itertools
import statistics
import tempfile
import time
from pathlib import Path

import keras

from keras_gan import callbacks, data
from trainers import dcgan

ROUNDS, STEPS = 10, 20


def main():
    """Measures and prints."""
    config = dcgan.Config()
    dataset, spec = data.load("mnist5k", batch_size=config.batch_size, repeat=True)
    gan = dcgan.build(config, spec)
    steps, saves = [], []
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = callbacks.Checkpoint(Path(folder), every=config.checkpoint_every)
        checkpoint.set_model(gan)
        moments = []
        clock = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: moments.append(time.perf_counter())
        )
        for _ in range(ROUNDS):
            moments.clear()
            gan.fit(dataset, steps_per_epoch=STEPS, verbose=0, callbacks=[clock])
            steps += [later - earlier for earlier, later in itertools.pairwise(moments)]
            began = time.perf_counter()
            checkpoint.at_step(int(gan.step.numpy()))
            saves.append(time.perf_counter() - began)
    step, save = statistics.median(steps), statistics.median(saves)
    share = save / (save + step * config.checkpoint_every)
    print(f"step {1000 * step:.1f} ms, checkpoint {1000 * save:.0f} ms")
    print(f"a checkpoint every {config.checkpoint_every} steps takes {100 * share:.2f} % of the time")


if __name__ == "__main__":
    main()
