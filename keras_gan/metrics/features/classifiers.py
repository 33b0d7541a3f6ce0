"""Small convolutional classifiers whose weights come with the package: what evaluation sees without a network."""

import hashlib
import importlib.resources
import io
import json

import keras
import numpy as np

from keras_gan.data import faces

# Of the four convolutions.
STRIDES = (2, 1, 2, 1)
FOLDER = importlib.resources.files("keras_gan.metrics.features") / "weights"


def manifest():
    """Facts about the shipped classifiers, as `keras_gan.metrics.features.train_classifiers` wrote them.

    Returns:
        Dictionary from a name, such as `"mnist_classifier"`, to a dictionary with the `dataset` that it was trained
        on, the names of all data sets that it `fits`, the `split`, the `seed`, the `image_shape`, the `test_accuracy`
        of the weights as they are shipped, and the `sha256` of their file. One of attributes has `attributes`, the
        values of each, and `attribute_accuracy`; its accuracy is their mean.

    Example:

    >>> keras_gan.metrics.features.classifiers.manifest()["mnist_classifier"]["dataset"]
    'mnist'
    """
    return json.loads((FOLDER / "manifest.json").read_text("utf-8"))


def load(name, attributes=False):
    """Loads a shipped classifier.

    Args:
        name: A key of `manifest()`.
        attributes: Whether one of attributes is to return the probabilities of all of their values, one attribute after
            the other, and not only those of the classes of its data set.

    Returns:
        The pair of a Keras model, from images `(batch, height, width, channels)` in [-1, 1] to
        `[features, probabilities]`, and the SHA-256 of its weights, in hexadecimal.

    Raises:
        ValueError: If there is no classifier of this name, or if its file is damaged.

    Example:

    >>> model, digest = keras_gan.metrics.features.classifiers.load("mnist_classifier")
    >>> features, probabilities = model(np.zeros((2, 28, 28, 1), "float32"))
    >>> features.shape, probabilities.shape
    (TensorShape([2, 64]), TensorShape([2, 10]))
    """
    known = manifest()
    if name not in known:
        raise ValueError(f"The shipped classifiers are {sorted(known)}. Received: name={name!r}")
    content = (FOLDER / f"{name}.npz").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != known[name]["sha256"]:
        raise ValueError(f"The weights of {name} are damaged: reinstall keras_gan. Received: a file of sha256 {digest}")
    named = known[name].get("attributes", {})
    groups = [len(values) for values in named.values()]
    only = list(named).index(faces.LABEL) if named and not attributes else None
    with np.load(io.BytesIO(content)) as arrays:
        return from_arrays(name, known[name]["image_shape"], dict(arrays), groups, only), digest


def from_arrays(name, image_shape, arrays, groups=(), only=None):
    """The classifier with given weights; the sizes of its kernels are theirs.

    Args:
        name: Name of the model.
        image_shape: `(height, width, channels)`.
        arrays: Dictionary with `kernel_i` and `bias_i` of the convolutions, and of the last, dense layer.
        groups: Numbers of values of several attributes, of each of which there are probabilities, one after the other;
            none for classes.
        only: Number of the attribute whose probabilities are returned alone, or `None` for all.

    Returns:
        The Keras model that `load` describes, in float32.
    """
    weights = [arrays[f"{part}_{i}"].astype(np.float32) for i in range(len(STRIDES) + 1) for part in ("kernel", "bias")]
    kernels = weights[::2]
    # Zeros, because random initial weights would advance Keras' global seed in the middle of somebody's training.
    common = {"kernel_initializer": "zeros", "dtype": "float32"}
    x = images = keras.Input(tuple(image_shape), dtype="float32")
    for kernel, stride in zip(kernels[:-1], STRIDES, strict=True):
        x = keras.layers.Conv2D(kernel.shape[-1], kernel.shape[0], stride, "same", activation="relu", **common)(x)
    features = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
    scores = keras.layers.Dense(kernels[-1].shape[-1], **common)(features)
    parts = keras.ops.split(scores, np.cumsum(groups)[:-1].tolist(), axis=-1) if len(groups) > 1 else [scores]
    parts = [keras.layers.Softmax(dtype="float32")(part) for part in (parts if only is None else [parts[only]])]
    probabilities = keras.layers.Concatenate(dtype="float32")(parts) if len(parts) > 1 else parts[0]
    model = keras.Model(images, [features, probabilities], name=name)
    model.set_weights(weights)
    model.trainable = False
    return model
