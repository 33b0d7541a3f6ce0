"""Images per second on a GPU, by precision, with and without XLA, and the share of what the chip can do.

    python -m benchmarks.gpu

Works (a), (d1) and (d2) of `benchmarks.training_speed`, each as `fit` trains it, in a process of its own: in strict
float32, in float32 as it comes, with TensorFloat-32 where the chip has it, in bfloat16, and in float16 with loss
scaling. The ceiling of each precision is the rate of a large matrix product, measured on the spot; operations of a
step are counted as in `benchmarks.roofline`.
"""

import dataclasses
import json
import os
import statistics
from pathlib import Path

import tensorflow as tf

from benchmarks import roofline, training_speed, works
from benchmarks.gate import Worker
from benchmarks.peers import tensorflow as peers
from keras_gan import cli
from keras_gan.cli import option
from keras_gan.files import atomic

PRECISIONS = {"strict": "float32", "float32": "float32", "bfloat16": "bfloat16", "float16": "float16"}


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags."""

    work: str = option("a,d1,d2", "What to measure, of a, b, c, d1 and d2, with commas.")
    precisions: str = option(",".join(PRECISIONS), "Of these, with commas.")
    rounds: int = option(5, "How often each is timed.", low=1)
    steps: int = option(50, "Training steps each time.", low=1)
    side: int = option(8192, "Side of the matrices whose product is the ceiling.", low=16)
    processor: bool = option(False, "Whether to measure the processor where there is no GPU.")
    json: str = option("", "A file for all that was measured.")


def main(argv=None):
    """Measures and prints."""
    config, _ = cli.parse(Config, "python -m benchmarks.gpu", __doc__, argv)
    cli.run(lambda: _measure_all(config))


def _measure_all(config):
    names = config.work.split(",")
    if any(name not in works.WORKS for name in names):
        raise ValueError(f"--work must be of {', '.join(works.WORKS)}. Received: --work={config.work}")
    precisions = config.precisions.split(",")
    if any(precision not in PRECISIONS for precision in precisions):
        raise ValueError(f"--precisions must be of {', '.join(PRECISIONS)}. Received: --precisions={config.precisions}")
    if config.json:
        atomic.nearest_folder(config.json)
    # This process and the workers share the device.
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    devices = tf.config.list_physical_devices("GPU")
    if not devices and not config.processor:
        raise ValueError(
            "TensorFlow sees no GPU on this machine: install tensorflow[and-cuda] where there is one, or measure the "
            "processor with --processor."
        )
    device = tf.config.experimental.get_device_details(devices[0])["device_name"] if devices else "the processor"
    ceilings = {precision: ceiling(precision, config.side) for precision in precisions}
    rates = ", ".join(f"{precision} {rate / 1e12:.3g}" for precision, rate in ceilings.items())
    print(f"{device}, TensorFlow {tf.__version__}; TFLOP/s in matrix products: {rates}\n")
    print("| work | precision | XLA | images/s | least to most | TFLOP/s | of matrix products |\n" + "|---" * 7 + "|")
    measured = []
    for name in names:
        flops, _ = roofline.count(peers.our_gan(name), works.WORKS[name].batch)
        for precision in precisions:
            for side in ("keras_gan", "keras_gan_xla"):
                found = {"work": name, "precision": precision, "xla": side.endswith("xla"), "flops": flops}
                found |= measure(name, side, precision, config)
                measured.append(found)
                print(row(found, ceilings[precision]), flush=True)
    if config.json:
        report = {"device": device, "ceilings": ceilings, "measured": measured}
        Path(config.json).write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def ceiling(precision, side):
    """Floating point operations per second of matrix products in a precision."""
    tf.config.experimental.enable_tensor_float_32_execution(precision != "strict")
    return roofline.matrix_product_rate(tf.as_dtype(PRECISIONS[precision]), side)


def measure(name, side, precision, config):
    """Times one work in a process of its own.

    Returns:
        Dictionary of `rates`, images per second in each round, or of an `error`.
    """
    try:
        with Worker(f"{name} {side}", training_speed.command_of(name, side, "", precision), training_speed.ROOT) as run:
            seconds = [run.run(config.steps)["seconds"] for _ in range(config.rounds)]
    except OSError as error:
        return {"error": str(error)}
    return {"rates": [works.WORKS[name].batch * config.steps / each for each in seconds]}


def row(found, ceiling):
    """What was measured as a line of a Markdown table."""
    head = f"| {found['work']} | {found['precision']} | {'yes' if found['xla'] else 'no'} |"
    if "error" in found:
        return f"{head} did not run: {found['error']} | | | |"
    rates = found["rates"]
    rate = statistics.median(rates)
    done = rate / works.WORKS[found["work"]].batch * found["flops"]
    return (
        f"{head} {rate:.0f} | {min(rates):.0f} to {max(rates):.0f} | {done / 1e12:.3g} | {100 * done / ceiling:.1f} % |"
    )


if __name__ == "__main__":
    main()
