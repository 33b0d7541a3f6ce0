"""The Inception graph of December 2015, which the Frechet Inception distance (FID) is defined by.

Heusel et al. 2017 (arXiv:1706.08500) measure with one network: the frozen TensorFlow graph that was published in
`inception-2015-12-05.tgz`. Other Inception networks, that of `keras.applications` among them, give other numbers.
"""

import hashlib
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import tensorflow as tf
import tqdm

from keras_gan.files import atomic
from keras_gan.metrics.features import cache

NAME = "inception_v3_2015"
RESIZE = "TensorFlow 1 bilinear, not antialiased"
URL = "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
MEMBER = "classify_image_graph_def.pb"


def resize(images, size):
    """Bilinear interpolation as TensorFlow 1 does it: the grid begins at the corner, and nothing is smoothed.

    Pixel i of the output lies at `i * (input size / output size)` of the input, between its neighbours
    `floor` and `floor + 1`, the latter at most the last one. (TensorFlow 2 puts it at `(i + 1/2) * ratio - 1/2`.)

    Args:
        images: Floats of shape `(batch, height, width, channels)`.
        size: `(height, width)` of the result.

    Returns:
        float32 tensor.

    Reference:
        Heusel et al. 2017, whose graph resizes with `ResizeBilinear` and `align_corners=False`.

    Example:

    >>> keras_gan.metrics.features.inception.resize([[[[0.0], [3.0]]]], (1, 3))[0, 0, :, 0].numpy().tolist()
    [0.0, 2.0, 3.0]
    """
    return tf.compat.v1.image.resize_bilinear(tf.convert_to_tensor(images, tf.float32), size)


def preprocess(images):
    """Images in [0, 255] as the graph's first convolution sees them: `(x - 128) / 128`."""
    return (images - 128.0) / 128.0


def load(folder=None):
    """Loads the graph, and downloads it if need be.

    Args:
        folder: Where the archive is kept; by default that of the environment variable `KERAS_GAN_CACHE`, or
            `~/.cache/keras_gan`.

    Returns:
        The pair of a function of images in [0, 255], `(batch, 299, 299, 3)`, that returns the 2,048 features and 1,008
        probabilities, and the SHA-256 of the archive.

    Raises:
        OSError: If it is not there and cannot be downloaded.
        ValueError: If it is not the archive of before, or holds no such graph.
    """
    archive = Path(folder or cache.folder()) / URL.rpartition("/")[2]
    if not archive.exists():
        _download(archive)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    pinned = archive.with_name(f"{archive.name}.sha256")
    if not pinned.exists():
        pinned.write_text(digest + "\n", "utf-8")
    if pinned.read_text("utf-8").strip() != digest:
        raise ValueError(
            f"{archive} is not the file that was first used here: remove it and {pinned.name} to download it again. "
            f"Received: a file of sha256 {digest}"
        )
    return read(archive)


def read(archive):
    """Reads the graph from a file, wherever it is.

    Args:
        archive: Path of `inception-2015-12-05.tgz`.

    Returns:
        As `load`.

    Raises:
        OSError: If there is no such file.
        ValueError: If it holds no such graph.
    """
    digest = hashlib.sha256(Path(archive).read_bytes()).hexdigest()
    try:
        with tarfile.open(archive) as files:
            graph = tf.compat.v1.GraphDef.FromString(files.extractfile(MEMBER).read())
        return _function(graph), digest
    except (tarfile.TarError, KeyError, ValueError, OSError) as error:
        raise ValueError(f"{archive} does not hold the graph {MEMBER}: remove it. Received: {error}") from None


def _function(graph):
    """The part of the graph between its own preprocessing and its last pooling, and the probabilities."""

    weights_of = {node.name: node.input[1] for node in graph.node if node.op == "MatMul"}["softmax/logits/MatMul"]
    # The rest is for a batch of one.
    graph = tf.compat.v1.graph_util.extract_sub_graph(graph, ["pool_3", weights_of])

    def network(images):
        pooled, weights = tf.graph_util.import_graph_def(
            graph, {"Mul:0": preprocess(images)}, ["pool_3:0", f"{weights_of}:0"]
        )
        features = tf.squeeze(pooled, [1, 2])
        # Without the bias, as Salimans et al. 2016 computed the Inception score.
        return features, tf.nn.softmax(features @ weights)

    signature = tf.TensorSpec((None, 299, 299, 3), tf.float32)
    return tf.compat.v1.wrap_function(network, [signature])


def _download(archive):
    atomic.nearest_folder(archive)
    archive.parent.mkdir(parents=True, exist_ok=True)
    try:
        with atomic.write_file(archive) as partial, urllib.request.urlopen(URL, timeout=30) as answer:
            size = int(answer.headers.get("Content-Length", 0)) or None
            with (
                partial.open("wb") as file,
                tqdm.tqdm(total=size, desc=archive.name, unit="B", unit_scale=True, leave=False, disable=None) as bar,
            ):
                while block := answer.read(2**20):
                    file.write(block)
                    bar.update(len(block))
            if size is not None and partial.stat().st_size != size:
                raise OSError(f"the connection ended after {partial.stat().st_size} of {size} bytes")
    except (OSError, urllib.error.URLError) as error:
        raise OSError(
            f"The Inception graph that FID is defined by could not be downloaded from {URL}: {error}. Put the file "
            f"into {archive.parent}, or choose features whose weights come with the package: efficientnet_lite0."
        ) from None
