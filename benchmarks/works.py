"""The work that speed is measured on: networks, batches and data, the same for everybody.

Nothing here imports TensorFlow or PyTorch, as both sides read it.
"""

import dataclasses
from pathlib import Path

import numpy as np


@dataclasses.dataclass(frozen=True)
class Work:
    """One task.

    Attributes:
        title: What it is.
        batch: Images in a step.
        shape: `(height, width, channels)`.
        examples: Images in an epoch.
        parameters: Trainable parameters of generators and discriminators.
        sides: Who does it: `"keras_gan"`, and sides of `peers.tensorflow` and `peers.torch`.
    """

    title: str
    batch: int
    shape: tuple
    examples: int
    parameters: tuple
    sides: tuple


_TORCH = ("keras_gan", "torch", "torch_tuned", "torch_compiled")

# The discriminator of a gradient penalty has no batch normalization, and biases instead.
_DCGAN, _PLAIN = (3_576_704, 2_765_568), (3_576_704, 2_764_737)

WORKS = {
    "a": Work("DCGAN of PyTorch's example, 64x64x3", 64, (64, 64, 3), 4096, _DCGAN, _TORCH),
    "b": Work(
        "TensorFlow's DCGAN tutorial, 28x28",
        256,
        (28, 28, 1),
        60_000,
        (2_305_472, 212_865),
        ("keras_gan", "tutorial", "tutorial_xla"),
    ),
    "c": Work(
        "keras.io's DCGAN, 64x64x3",
        64,
        (64, 64, 3),
        4096,
        (3_979_651, 404_801),
        ("keras_gan", "keras_io", "keras_io_xla"),
    ),
    "e": Work("pix2pix, 256x256x3", 1, (256, 256, 3), 32, (54_413_955, 2_768_705), _TORCH[:3]),
    "f": Work("CycleGAN, 128x128x3", 1, (128, 128, 3), 32, (2 * 7_837_699, 2 * 2_764_737), _TORCH[:3]),
    "d1": Work("WGAN-GP on (a)'s networks", 64, (64, 64, 3), 4096, _PLAIN, _TORCH),
    "d2": Work("R1 and R2 on (a)'s networks", 64, (64, 64, 3), 4096, _PLAIN, _TORCH),
}


TRANSLATIONS = ("e", "f")


def images(work, examples=None, seed=0):
    """uint8 images of the work's shape, smooth enough to train on without overflows.

    Args:
        work: `Work`.
        examples: Their number; by default the work's.
        seed: Determines them.
    """
    height, width, channels = work.shape
    coarse = (examples or work.examples, -(-height // 4), -(-width // 4), channels)
    drawn = np.random.RandomState(seed).randint(0, 256, coarse, np.uint8)
    return np.ascontiguousarray(drawn.repeat(4, 1).repeat(4, 2)[:, :height, :width])


def has_bfloat16():
    """Tells whether this processor computes in bfloat16."""
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text("utf-8", errors="replace").split() if cpuinfo.exists() else []
    return "amx_bf16" in flags or "avx512_bf16" in flags
