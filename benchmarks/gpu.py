"""Images per second on a GPU, by precision, with and without XLA, and the share of what the chip can do.

    python -m benchmarks.gpu

Works (a), (d1) and (d2) of `benchmarks.training_speed`, each as `fit` trains it, in a process of its own: in strict
float32, in float32 as it comes, with TensorFloat-32 where the chip has it, in bfloat16, and in float16 with loss
scaling. The ceiling of each precision is the rate of a large matrix product, measured on the spot; operations of a
step are counted as in `benchmarks.roofline`.
"""

import dataclasses
import os
import statistics
import sys

import tensorflow as tf
import tqdm

from benchmarks import roofline, tables, training_speed, works
from benchmarks.gate import Worker
from benchmarks.peers import tensorflow as peers
from keras_gan.cli import option

PRECISIONS = {"strict": "float32", "float32": "float32", "bfloat16": "bfloat16", "float16": "float16"}


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    work: str = option("a,d1,d2", "What to measure, of a, b, c, d1 and d2, with commas.")
    precisions: str = option(",".join(PRECISIONS), "Of these, with commas.")
    rounds: int = option(5, "How often each is timed.", low=1)
    steps: int = option(50, "Training steps each time.", low=1)
    side: int = option(8192, "Side of the matrices whose product is the ceiling.", low=16)
    processor: bool = option(False, "Whether to measure the processor where there is no GPU.")


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Times every work in every precision, with and without XLA.

    Returns:
        Dictionary of the `device`, the `ceilings` of its precisions, and `measured`, a list of dictionaries.
    """
    names = config.work.split(",")
    if any(name not in works.WORKS for name in names):
        raise ValueError(f"--work must be of {', '.join(works.WORKS)}. Received: --work={config.work}")
    precisions = config.precisions.split(",")
    if any(precision not in PRECISIONS for precision in precisions):
        raise ValueError(f"--precisions must be of {', '.join(PRECISIONS)}. Received: --precisions={config.precisions}")
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
    measured = []
    for name in tqdm.tqdm(names, leave=False, disable=None):
        flops, _ = roofline.count(peers.our_gan(name), works.WORKS[name].batch)
        for precision in precisions:
            for side in ("keras_gan", "keras_gan_xla"):
                found = {"work": name, "precision": precision, "xla": side.endswith("xla"), "flops": flops}
                measured.append(found | measure_work(name, side, precision, config))
    return {"device": device, "ceilings": ceilings, "measured": measured}


def ceiling(precision, side):
    """Floating point operations per second of matrix products in a precision."""
    tf.config.experimental.enable_tensor_float_32_execution(precision != "strict")
    return roofline.matrix_product_rate(tf.as_dtype(PRECISIONS[precision]), side)


def measure_work(name, side, precision, config):
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


def render(run):
    """Tables of what was measured, as Markdown."""
    ceilings = [[precision, f"{rate / 1e12:.3g}"] for precision, rate in run["ceilings"].items()]
    columns = [
        "work", "precision", "XLA", "images/s", "least", "most", "TFLOP/s", "of matrix products, %", "did not run",
    ]  # fmt: skip
    rows = [row(found, run["ceilings"][found["precision"]]) for found in run["measured"]]
    return (
        f"{run['device']}\n\n{tables.table(['precision', 'TFLOP/s in matrix products'], ceilings)}\n\n"
        f"{tables.table(columns, rows)}"
    )


def row(found, ceiling):
    """Cells of what was measured of one work, in one precision."""
    head = [found["work"], found["precision"], "yes" if found["xla"] else "no"]
    if "error" in found:
        return [*head, *[None] * 5, found["error"]]
    rates = found["rates"]
    rate = statistics.median(rates)
    done = rate / works.WORKS[found["work"]].batch * found["flops"]
    numbers = [f"{each:.0f}" for each in (rate, min(rates), max(rates))]
    return [*head, *numbers, f"{done / 1e12:.3g}", f"{100 * done / ceiling:.1f}", None]


if __name__ == "__main__":
    main()
