"""Messages between many devices: bytes from the networks themselves, times from the speed of a connection

    python -m benchmarks.devices

Nothing here is measured. The networks of each recipe are built, and counted is what a training step reduces over all
devices: the gradient of every trainable weight, in float32, as often as its network is updated. A ring of N devices
moves 2 (N - 1) / N of these bytes over each device's connection, one way; the table has this time for connections of
some speeds, without the latency of messages. A step whose backward passes take longer can hide it, a shorter one waits.
Checkpoints hold all weights, averages and both optimizers' states. Images come as bytes, once each step.
"""

import dataclasses
import importlib
import sys

import keras

from benchmarks import tables
from keras_gan import data
from keras_gan.cli import option
from trainers.engine import width

# What is built: the recipe, its preset, and the shapes of images and of what is translated.
RECIPES = (
    ("dcgan", "default", (28, 28, 1), None),
    ("dcgan", "paper", (64, 64, 3), None),
    ("wgan_gp", "paper", (32, 32, 3), None),
    ("sngan", "paper", (32, 32, 3), None),
    ("r3gan", "paper", (32, 32, 3), None),
    ("pix2pix", "paper", (256, 256, 3), (256, 256, 3)),
    ("cyclegan", "paper", (256, 256, 3), (256, 256, 3)),
)
# Gigabits a second, one way, that a device has for itself.
SPEEDS = {"10 Gbit/s": 10, "100 Gbit/s": 100, "400 Gbit/s": 400, "3.6 Tbit/s": 3600}


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    devices: int = option(1000, "Number of devices.", low=2)


def main(argv=None):
    """Counts and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Counts what each recipe's networks come to.

    Returns:
        Dictionary of `devices` and `networks`, a list with a dictionary for each.
    """
    networks = []
    for name, preset, image_shape, source_shape in RECIPES:
        keras.backend.clear_session()
        networks.append({"recipe": name, "preset": preset, **_count(name, preset, image_shape, source_shape)})
    return {"devices": config.devices, "networks": networks}


def _count(name, preset, image_shape, source_shape):
    recipe = importlib.import_module(f"trainers.{name}")
    presets = recipe.Config.PRESETS
    # As wide as on devices that one has many of, and with a batch for them.
    wide = {"filters": width.ON_ACCELERATORS, "batch_size": 64}
    given = wide if (name, preset) == ("dcgan", "default") else presets[preset]
    config = recipe.Config(precision="float32", preset=preset, **given)
    spec = data.DataSpec(image_shape, 10, None, 50_000, "", {}, source_shape)
    model = recipe.build(config, spec)
    # A CycleGAN has two networks a side, with one optimizer.
    updated = dict.fromkeys(model.optimizers, 0)
    for role, network in model.networks.items():
        side = "discriminator" if "discriminator" in role else "generator"
        updated[side] += model.optimizers[side][1] * _bytes(network.trainable_variables)
    states = [variable for optimizer, _ in model.optimizers.values() for variable in optimizer.variables]
    rows = config.batch_size * getattr(config, "discriminator_steps", 1)
    return {
        "image_shape": image_shape,
        "batch": rows,
        "reduced": updated,
        "checkpoint": _bytes([*model.variables, *states]),
        "input": rows * _size(image_shape) + (rows * _size(source_shape) if source_shape else 0),
    }


def _size(shape):
    height, width, channels = shape
    return height * width * channels


def _bytes(variables):
    return sum(variable.value.shape.num_elements() * variable.value.dtype.size for variable in variables)


def seconds(reduced, devices, gigabits):
    """The time of a ring's reduction.

    Args:
        reduced: Bytes that each device has.
        devices: Their number.
        gigabits: A second, one way, of each device's connection.

    Returns:
        Seconds.
    """
    return 2 * (devices - 1) / devices * reduced / (gigabits * 1e9 / 8)


def render(run):
    """Bytes and times as Markdown."""
    rows = []
    for network in run["networks"]:
        reduced = sum(network["reduced"].values())
        times = [f"{1000 * seconds(reduced, run['devices'], speed):.3g}" for speed in SPEEDS.values()]
        size = "x".join(map(str, network["image_shape"]))
        rows.append(
            [
                f"{network['recipe']}, {network['preset']}",
                size,
                str(network["batch"]),
                f"{reduced / 2**20:.3g}",
                *times,
                *(f"{network[name] / 2**20:.3g}" for name in ("checkpoint", "input")),
            ]
        )
    heads = ["recipe", "images", "batch", "reduced a step, MiB", *(f"at {name}, ms" for name in SPEEDS)]
    return tables.table([*heads, "checkpoint, MiB", "images of a batch, MiB"], rows)


if __name__ == "__main__":
    main()
