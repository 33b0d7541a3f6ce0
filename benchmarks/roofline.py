"""A DCGAN step beside what the machine can do, over batch and image sizes.

    python -m benchmarks.roofline --out=docs/results/roofline.png

Two ceilings are measured on the spot: the rate of a large matrix product, and the bandwidth of `a += b` on arrays far
larger than the caches. Two costs of a step are counted, of its compiled graph: the floating point operations of
convolutions and matrix products, and the least bytes that it has to move, which are the inputs and outputs of these
operations, once each, and Adam's seven passes over the weights (weight, gradient and two moments in, weight and moments
out). No step is faster than the slower of the two. Normalization, activations and losses add to both and are not
counted: a step that fused them into the convolutions would not pay for them, so that the distance from the bound is
what is left to gain.
"""

import dataclasses
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tqdm

import keras_gan
from benchmarks import tables
from keras_gan.cli import option
from keras_gan.files import atomic

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_PASSES = 7  # of Adam over each weight
_CHAIN = 3  # operations that are timed at once


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    sizes: str = option("32,64,128", "Sides of square images, with commas.")
    batches: str = option("4,16,64", "Batch sizes, with commas.")
    filters: int = option(64, "Feature maps at the image's side of both networks.", low=1)
    steps: int = option(5, "Steps that are timed at each point, after two that are not.", low=1)
    precision: str = option("float32", "float32 or bfloat16.")
    out: str = option("", "A file for the plot.")


def main(argv=None):
    """Measures, prints and draws."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Measures the ceilings and every point, and draws them.

    Returns:
        Dictionary of `ceilings`, two measurements of `flops` and of `bytes` a second, and `points`.
    """
    sizes, batches = (_numbers(name, getattr(config, name)) for name in ("sizes", "batches"))
    if config.precision not in ("float32", "bfloat16"):
        raise ValueError(f"--precision must be float32 or bfloat16. Received: --precision={config.precision}")
    if config.out:
        atomic.nearest_folder(config.out)
    if config.precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    dtype = tf.as_dtype(config.precision)
    before = matrix_product_rate(dtype), bandwidth()
    places = [(size, batch) for size in sizes for batch in batches]
    points = [measure_point(*place, config) for place in tqdm.tqdm(places, leave=False, disable=None)]
    # What else the machine did may have slowed the first measurement down.
    flops, moved = zip(before, (matrix_product_rate(dtype), bandwidth()), strict=True)
    for point in points:
        point |= judge(point, max(flops), max(moved))
    if config.out:
        draw(points, {"flops": max(flops), "bytes": max(moved)}, config.out)
    return {"precision": config.precision, "ceilings": {"flops": flops, "bytes": moved}, "points": points}


def _numbers(name, text):
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1:
        raise ValueError(f"--{name} must be positive integers with commas. Received: --{name}={text}")
    return numbers


def matrix_product_rate(dtype, side=4096, repeats=7):
    """Floating point operations per second of a product of square matrices, the best of some."""
    left, right = (
        tf.cast(tf.random.stateless_normal((side, side), (seed, 0), 0, side**-0.5), dtype) for seed in (0, 1)
    )

    @tf.function
    def products():
        found = right
        for _ in range(_CHAIN):
            found = left @ found
        return found[0, 0]

    # A number that is read makes the clock wait for devices that compute while the program goes on.
    return _CHAIN * 2 * side**3 / min(_seconds(lambda: products().numpy()) for _ in range(repeats))


def bandwidth(megabytes=512, repeats=7):
    """Bytes per second of `a += b`, two arrays read and one written, the best of some."""
    a, b = tf.Variable(tf.zeros(megabytes * 250_000)), tf.ones(megabytes * 250_000)

    @tf.function
    def add():
        for _ in range(_CHAIN):
            a.assign_add(b)
        return a.sparse_read([0])

    return _CHAIN * 3 * megabytes * 1e6 / min(_seconds(lambda: add().numpy()) for _ in range(repeats))


def _seconds(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def build(size, filters):
    """The DCGAN of PyTorch's example for images of another size, compiled."""
    gan = keras_gan.GAN(
        keras_gan.networks.DCGANGenerator((size, size, 3), filters=filters),
        keras_gan.networks.DCGANDiscriminator((size, size, 3), filters=filters),
    )
    generator_optimizer, discriminator_optimizer = (keras_gan.optimizers.Adam(2e-4, 0.5) for _ in range(2))
    gan.compile(generator_optimizer, discriminator_optimizer, update="shared")
    return gan


def measure_point(size, batch, config):
    """Times and counts the step at one point.

    Returns:
        Dictionary of `size`, `batch`, `seconds`, `flops` and `bytes` of one step.
    """
    gan = build(size, config.filters)
    flops, moved = count(gan, batch)
    images = np.random.RandomState(0).randint(0, 256, (2 * batch, size, size, 3), np.uint8)
    dataset, _ = keras_gan.data.load(images, batch_size=batch, repeat=True)
    moments = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: moments.append(time.perf_counter()))
    gan.fit(dataset, steps_per_epoch=2 + config.steps, verbose=0, callbacks=[clock])
    seconds = statistics.median(np.diff(moments[1:]))
    keras.backend.clear_session()
    return {"size": size, "batch": batch, "seconds": seconds, "flops": flops, "bytes": moved}


def count(gan, batch):
    """Counts the step of a `GAN`.

    Args:
        gan: A compiled `GAN`.
        batch: Images in a step.

    Returns:
        The pair of floating point operations of its convolutions and matrix products, and of the least bytes that
        the step moves.
    """
    step = tf.function(gan.train_step, autograph=False)
    graph = step.get_concrete_function(tf.TensorSpec((batch, *gan.image_shape), tf.float32)).graph
    flops = moved = 0
    for operation in _operations(graph):
        macs = _multiplications(operation)
        if macs:
            flops += 2 * macs
            tensors = [tensor for tensor in (*operation.inputs, *operation.outputs) if tensor.dtype.is_floating]
            moved += sum(tensor.shape.num_elements() * tensor.dtype.size for tensor in tensors)
    weights = gan.generator.trainable_variables + gan.discriminator.trainable_variables
    return flops, moved + _PASSES * sum(w.value.shape.num_elements() * w.value.dtype.size for w in weights)


def _operations(graph):
    """The operations that run: those that results or changes of state depend on, in called functions too."""
    waiting = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    found = set(waiting)
    while waiting:
        operation = waiting.pop()
        yield operation
        if operation.type in _CALLS:
            yield from _operations(graph._get_function(operation.get_attr("f").name).graph)
        needed = {tensor.op for tensor in operation.inputs} | set(operation.control_inputs)
        waiting += needed - found
        found |= needed


def _multiplications(operation):
    """Multiplications with an addition that a convolution or a matrix product makes; 0 for other operations."""
    inputs, outputs = operation.inputs, operation.outputs
    if operation.type == "MatMul":
        inner = inputs[0].shape[0 if operation.get_attr("transpose_a") else 1]
        return outputs[0].shape.num_elements() * inner
    # A convolution, or one of its gradients: every position of the smaller map, its output, meets the whole kernel.
    if operation.type == "Conv2D":
        kernel, positions = inputs[1].shape, outputs[0].shape
    elif operation.type == "Conv2DBackpropInput":
        kernel, positions = inputs[1].shape, inputs[2].shape
    elif operation.type == "Conv2DBackpropFilter":
        kernel, positions = outputs[0].shape, inputs[2].shape
    else:
        return 0
    return positions[:3].num_elements() * kernel.num_elements()


def bounds(point, ceilings):
    """Seconds that a step takes at least: by its operations, and by its bytes."""
    return point["flops"] / ceilings["flops"], point["bytes"] / ceilings["bytes"]


def judge(point, flops, moved):
    """Images per second of a point, beside both bounds, and the share of the nearer one that it reaches."""
    by_flops, by_bytes = bounds(point, {"flops": flops, "bytes": moved})
    return {
        "rate": point["batch"] / point["seconds"],
        "compute_bound": point["batch"] / by_flops,
        "memory_bound": point["batch"] / by_bytes,
        "nearer": "compute" if by_flops > by_bytes else "memory",
        "share": max(by_flops, by_bytes) / point["seconds"],
    }


def render(run):
    """The ceilings and the points as Markdown, and the picture of them."""
    ceilings = run["ceilings"]
    head = [
        ["matrix products, GFLOP/s", *(f"{rate / 1e9:.0f}" for rate in sorted(ceilings["flops"]))],
        ["memory, GB/s", *(f"{rate / 1e9:.0f}" for rate in sorted(ceilings["bytes"]))],
    ]
    columns = {
        "size": lambda point: point["size"],
        "batch": lambda point: point["batch"],
        "ms": lambda point: tables.digits(1000 * point.get("seconds", 0) or None, "{:.0f}"),
        "images/s": lambda point: f"{point['rate']:.3g}",
        "GFLOP": lambda point: tables.digits(point.get("flops", 0) / 1e9 or None),
        "GB": lambda point: tables.digits(point.get("bytes", 0) / 1e9 or None),
        "compute bound, images/s": lambda point: tables.digits(point.get("compute_bound"), "{:.0f}"),
        "memory bound, images/s": lambda point: tables.digits(point.get("memory_bound"), "{:.0f}"),
        "nearer to": lambda point: point["nearer"],
        "of it, %": lambda point: f"{100 * point['share']:.0f}",
    }
    rows = [[cell(point) for cell in columns.values()] for point in run["points"]]
    return (
        tables.table([f"ceiling, {run['precision']}", "least", "most"], head)
        + "\n\n"
        + tables.table(list(columns), rows)
        + "\n\n![Images per second against batch size, with both bounds](roofline.png)"
    )


def draw(points, ceilings, file):
    """Draws images per second against batch size, with both ceilings, one panel for each image size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    sizes = sorted({point["size"] for point in points})
    figure, axes = plt.subplots(1, len(sizes), figsize=(3.9 * len(sizes), 3.6), layout="constrained", squeeze=False)
    for axis, size in zip(axes[0], sizes, strict=True):
        chosen = sorted((p for p in points if p["size"] == size), key=lambda p: p["batch"])
        batches = [point["batch"] for point in chosen]
        rates = [point["batch"] / point["seconds"] for point in chosen]
        limits = [[point["batch"] / bound for bound in bounds(point, ceilings)] for point in chosen]
        by_flops, by_bytes = zip(*limits, strict=True)
        axis.plot(batches, by_flops, "--", label=f"{ceilings['flops'] / 1e9:.0f} GFLOP/s")
        axis.plot(batches, by_bytes, ":", label=f"{ceilings['bytes'] / 1e9:.1f} GB/s")
        axis.plot(batches, rates, "o-", color="black", label="measured")
        for point, rate, limit in zip(chosen, rates, limits, strict=True):
            axis.annotate(
                f"{100 * rate / min(limit):.0f} %",
                (point["batch"], rate),
                (0, -13),
                textcoords="offset points",
                ha="center",
            )
        axis.set(title=f"{size}x{size}", xlabel="batch", xscale="log", yscale="log", xticks=batches)
        axis.set_xticks(batches, [str(batch) for batch in batches])
        axis.set_ylim(min(rates) / 2, 2 * max(map(max, limits)))
        axis.minorticks_off()
        axis.margins(x=0.12)
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("images/s")
    axes[0][0].legend(fontsize="small")
    with atomic.write_file(Path(file)) as partial:
        figure.savefig(partial, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
