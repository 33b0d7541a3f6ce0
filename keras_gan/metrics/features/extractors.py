"""Features and class probabilities of a fixed network: what metrics see of images."""

import inspect
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tqdm

from keras_gan import serialization
from keras_gan.export import loading
from keras_gan.files import pictures
from keras_gan.metrics.features import classifiers, inception, lite0


class FeatureExtractor:
    """A fixed network as metrics use it: from uint8 images to features and class probabilities.

    The features are what the network's last layer sees, and that layer's output is the probabilities.

    Args:
        name: What results are called after.
        network: Function of float32 images `(batch, height, width, channels)` with values in [0, 255], that returns
            `(features, probabilities)`, floats of shape `(batch, dimension)` and `(batch, classes)`; probabilities may
            be `None`.
        digest: SHA-256 of the network's weights, in hexadecimal.
        image_shape: Shape of the images that the network takes. Those of another size are resized if there is a
            `resize`, and their alpha is left out; gray ones get three equal channels if it takes three; others are
            refused.
        resize: `"none"`, or the filter: `"bilinear, antialiased"`, `"bicubic, antialiased"` or `"TensorFlow 1 bilinear,
            not antialiased"`.
        least: Smallest height and width of images that it is worth to enlarge.

    Call arguments:
        images: uint8 `(n, height, width, channels)`.

    Returns:
        float32 array `(n, dimension)`.

    Raises:
        ValueError: If the images do not fit the network.

    Example:

    >>> features = keras_gan.metrics.features.get("mnist_classifier")
    >>> features.name, features.dimension
    ('mnist_classifier', 64)
    >>> features(np.zeros((3, 28, 28, 1), "uint8")).shape
    (3, 64)
    """

    def __init__(self, name, network, digest, image_shape, resize="none", least=1):
        if resize not in RESIZES:
            raise ValueError(f"`resize` must be one of {list(RESIZES)}. Received: resize={resize!r}")
        self.name = name
        self.digest = digest
        self.image_shape = tuple(int(size) for size in image_shape)
        self.resize = resize
        self.least = least
        # Of pictures so large networks take milliseconds each.
        self.is_slow = self.image_shape[0] * self.image_shape[1] > 64 * 64
        # Images at a time.
        self.batch_size = 32 if self.is_slow else 250
        self._network = network
        self._compiled = tf.function(self._compute)
        self._dimension = None

    @property
    def dimension(self):
        """Length of one feature vector."""
        if self._dimension is None:
            self._dimension = self(np.zeros((1, *self.image_shape), np.uint8)).shape[1]
        return self._dimension

    def __call__(self, images):
        return self.both(images)[0]

    def probabilities(self, images):
        """Class probabilities of images, float32 `(n, classes)`; `None` if the network has none."""
        return self.both(images)[1]

    def both(self, images, label=None):
        """Features and class probabilities of images, under a progress bar if that takes long.

        Args:
            images: As for the call.
            label: What the bar says; `None` for no bar.

        Returns:
            Pair of arrays; the second is `None` if the network has no probabilities.
        """
        self.check(np.shape(images)[1:], np.asarray(images).dtype)
        batches = range(0, len(images), self.batch_size)
        # None: no bar where the output is not a terminal.
        quiet = True if label is None or len(batches) < 20 else None
        parts = []
        for start in tqdm.tqdm(batches, desc=label, leave=False, disable=quiet):
            rows = np.asarray(images[start : start + self.batch_size])
            full = np.concatenate([rows, np.zeros((self.batch_size - len(rows), *rows.shape[1:]), np.uint8)])
            parts.append([None if part is None else part.numpy()[: len(rows)] for part in self._compiled(full)])
        features, probabilities = zip(*parts, strict=True)
        return np.concatenate(features), None if probabilities[0] is None else np.concatenate(probabilities)

    def check(self, image_shape, dtype=np.uint8):
        """Raises `ValueError` unless images of a shape, without the batch axis, can be seen through this network."""
        if dtype != np.uint8 or len(image_shape) != 3:
            raise ValueError(
                f"{self.name} sees uint8 images of shape (n, height, width, channels), as files.pictures.to_uint8 "
                "makes them. "
                f"Received: shape (n, {', '.join(map(str, image_shape))}) of {np.dtype(dtype).name}"
            )
        size, channels = tuple(image_shape[:2]), image_shape[2]
        resizes = self.resize != "none"
        size_fits = size == self.image_shape[:2] or resizes
        if resizes and channels in (2, 4):
            channels -= 1  # alpha
        channels_fit = channels == self.image_shape[2] or (channels, self.image_shape[2]) == (1, 3)
        if min(size) < self.least:
            raise ValueError(
                f"{self.name} sees images of at least {self.least}x{self.least} pixels: train larger ones, or evaluate "
                f"through a classifier of the data at hand. Received: images of shape {tuple(image_shape)}"
            )
        if not size_fits or not channels_fit:
            raise ValueError(
                f"{self.name} sees images of shape {self.image_shape}: evaluate through a classifier of the data at "
                f"hand instead. Received: images of shape {tuple(image_shape)}"
            )

    def _compute(self, images):
        images = tf.cast(images, tf.float32)
        if images.shape[3] in (2, 4) and self.resize != "none":
            images = images[..., :-1]
        if images.shape[3] != self.image_shape[2]:
            images = tf.repeat(images, 3, axis=3)
        if tuple(images.shape[1:3]) != self.image_shape[:2]:
            images = RESIZES[self.resize](images, self.image_shape[:2])
        features, probabilities = self._network(images)
        return tf.cast(features, tf.float32), None if probabilities is None else tf.cast(probabilities, tf.float32)


RESIZES = {
    "none": None,
    "bilinear, antialiased": lambda images, size: tf.image.resize(images, size, "bilinear", antialias=True),
    "bicubic, antialiased": lambda images, size: tf.image.resize(images, size, "bicubic", antialias=True),
    inception.RESIZE: inception.resize,
}


def get(identifier, layer=None):
    """The features that a name, a path or a model stands for.

    Args:
        identifier: One of:
            - `"mnist_classifier"`, `"mnist_classifier_b"`, `"cifar10_classifier"`, `"cifar10_classifier_b"`: small
              networks that come with the package; see `keras_gan.metrics.features.classifiers.manifest()`.
            - `"efficientnet_lite0"`: a network of photographs that comes with the package, for pictures of any kind;
              see `keras_gan.metrics.features.lite0`.
            - `"inception_v3_2015"`: the graph that FID is defined by; see `keras_gan.metrics.features.inception`.
            - `"keras.applications.NAME"`, such as `"keras.applications.mobilenet_v2"`: that network with its ImageNet
              weights, average-pooled; images are resized to its size with an antialiased bicubic filter.
            - a classifier of yours, as a `keras.Model` or the path of a `.keras` file: a functional or sequential model
              from float images in [-1, 1] to logits or probabilities.
            - `FeatureExtractor`, returned as they are.
        layer: For a classifier of yours: name of the layer whose output, flattened, are the features. By default they
            are the input of the last layer that has weights, which is the penultimate layer of most classifiers.

    Returns:
        `FeatureExtractor`. Those of a name are made once in a process.

    Raises:
        ValueError: If nothing is known under the identifier, or the model does not serve.
        OSError: If weights are needed that cannot be had.

    Example:

    >>> keras_gan.metrics.features.get("cifar10_classifier").image_shape
    (32, 32, 3)
    """
    if isinstance(identifier, FeatureExtractor):
        return identifier
    if isinstance(identifier, keras.Model):
        return of_model(identifier, layer)
    if isinstance(identifier, (str, Path)) and str(identifier).endswith(".keras"):
        if not Path(identifier).is_file():
            raise ValueError(f"There is no file {identifier}: features are a name or the path of a classifier.")
        return of_model(loading.load_model(identifier), layer, Path(identifier).stem)
    if layer is not None:
        raise ValueError(f"`layer` is for a classifier of yours. Received: layer={layer!r}, identifier={identifier!r}")
    if not isinstance(identifier, str):
        raise ValueError(f"Features are a name, a path or a Keras model. Received: identifier={identifier!r}")
    if identifier not in _named:
        _named[identifier] = _make(identifier)
    return _named[identifier]


_named = {}


def for_dataset(dataset, image_shape=None, second=False):
    """Name of the shipped classifier that was trained on a data set, for images as they are in it.

    Args:
        dataset: A name that `keras_gan.data.load` takes.
        image_shape: Shape of the images that are generated; `None` for any.
        second: Whether it is to be the second one, by which nothing was chosen, which is for judging.

    Returns:
        A name for `get`, or `None` if no classifier fits.

    Example:

    >>> keras_gan.metrics.features.for_dataset("mnist5k", (28, 28, 1))
    'mnist_classifier'
    >>> keras_gan.metrics.features.for_dataset("mnist5k", (32, 32, 1)) is None
    True
    """
    fitting = [
        name
        for name, facts in sorted(classifiers.manifest().items())
        if dataset in facts["fits"] and (image_shape is None or tuple(facts["image_shape"]) == tuple(image_shape))
    ]
    return (fitting[second:] or [None])[0]


def automatic(dataset, image_shape):
    """Name of the features that images of a data set are seen through where nobody chose others.

    Args:
        dataset: A name that `keras_gan.data.load` takes; empty for arrays.
        image_shape: Shape of the images.

    Returns:
        A name for `get`: the shipped classifier that was trained on this data set, or else `"efficientnet_lite0"`.
        `None` for what is no picture, or one that is too small.

    Example:

    >>> keras_gan.metrics.features.automatic("mnist5k", (28, 28, 1))
    'mnist_classifier'
    >>> keras_gan.metrics.features.automatic("folder:pictures", (64, 64, 3))
    'efficientnet_lite0'
    """
    if len(image_shape) != 3 or min(image_shape[:2]) < lite0.LEAST or not 1 <= image_shape[2] <= 4:
        return for_dataset(dataset, image_shape)
    return for_dataset(dataset, image_shape) or lite0.NAME


def _make(name):
    if name in classifiers.manifest():
        model, digest = classifiers.load(name)
        return FeatureExtractor(
            name, lambda images: model(pictures.tensor_from_uint8(images)), digest, model.input_shape[1:]
        )
    if name == lite0.NAME:
        model, digest = lite0.load()
        return FeatureExtractor(
            name,
            lambda images: (model(lite0.preprocess(images)), None),
            digest,
            (lite0.SIZE, lite0.SIZE, 3),
            lite0.RESIZE,
            lite0.LEAST,
        )
    if name == inception.NAME:
        return _inception(*inception.load())
    if name.startswith("keras.applications."):
        return _application(name)
    known = [*sorted(classifiers.manifest()), lite0.NAME, inception.NAME, "keras.applications.NAME"]
    raise ValueError(f"Features are one of {known}, or the path of a .keras file. Received: identifier={name!r}")


def _application(name):
    """A network of keras.applications with ImageNet weights, by the name of its module."""
    module = getattr(keras.applications, name.removeprefix("keras.applications."), None)
    builders = (
        [
            builder
            for key, builder in sorted(vars(module).items(), key=lambda item: len(item[0]))
            if inspect.isfunction(builder) and "include_top" in inspect.signature(builder).parameters
        ]
        if inspect.ismodule(module)
        else []
    )
    if not builders:
        raise ValueError(
            f"keras.applications has no such network: give a module, such as mobilenet_v2. Received: {name!r}"
        )
    try:
        model = builders[0](include_top=True, weights="imagenet", classifier_activation="softmax")
    except Exception as error:  # whatever the download fails with
        raise OSError(
            f"The ImageNet weights of {name} could not be had; they need a network, once: {str(error).splitlines()[0]}"
        ) from None
    model.trainable = False
    both = keras.Model(model.inputs, [_before_last(model), model.outputs[0]])

    def network(images):
        return both(module.preprocess_input(images), training=False)

    return FeatureExtractor(
        name, network, serialization.weights_digest(model), model.input_shape[1:], "bicubic, antialiased"
    )


def of_inception(file):
    """The features that FID is defined by, from a file of one's own.

    Args:
        file: Path of `inception-2015-12-05.tgz`; see `keras_gan.metrics.features.inception`.

    Returns:
        `FeatureExtractor`, whose `digest` is that of the file.

    Raises:
        OSError: If there is no such file.
        ValueError: If it does not hold the graph.
    """
    return _inception(*inception.read(file))


def _inception(network, digest):
    return FeatureExtractor(inception.NAME, network, digest, (299, 299, 3), inception.RESIZE)


def of_model(model, layer=None, name=None):
    """The features of a classifier; see `get`.

    Args:
        model: A functional or sequential Keras model from images in [-1, 1] to logits or probabilities.
        layer: Name of the layer whose flattened output are the features, or `None`.
        name: What results are called after; the model's own name by default.

    Returns:
        `FeatureExtractor`.

    Raises:
        ValueError: If the model is of another kind, or has no layer of that name.
    """
    shape = getattr(model, "input_shape", None)
    if not getattr(model, "outputs", None) or not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:]:
        raise ValueError(
            "A classifier for features must be a functional or sequential Keras model of images of one fixed shape. "
            f"Received: {model.name!r} with input shape {shape}"
        )
    if len(model.output_shape) != 2:
        raise ValueError(
            f"A classifier must return one row of class scores per image. Received: {model.name!r} with output shape "
            f"{model.output_shape}"
        )
    if layer is None:
        inner = _before_last(model)
    else:
        names = [each.name for each in model.layers]
        if layer not in names:
            raise ValueError(f"`layer` must be one of {names}. Received: layer={layer!r}")
        inner = model.get_layer(layer).output
    both = keras.Model(model.inputs, [keras.layers.Flatten(dtype="float32")(inner), model.outputs[0]])

    def network(images):
        features, scores = both(pictures.tensor_from_uint8(images), training=False)
        scores = tf.cast(scores, tf.float32)
        sums = tf.reduce_sum(scores, axis=1)
        certain = tf.reduce_all(scores >= 0.0) & tf.reduce_all(tf.abs(sums - 1.0) < 1e-3)
        return features, tf.where(certain, scores / sums[:, None], tf.nn.softmax(scores))

    return FeatureExtractor(name or model.name, network, serialization.weights_digest(model), shape[1:])


def _before_last(model):
    """The input of the last layer that has weights."""
    last = next((layer for layer in reversed(model.layers) if layer.weights), None)
    if last is None or isinstance(last.input, list):
        raise ValueError(
            f"The penultimate layer of {model.name!r} could not be found: it is the input of the last layer that has "
            "weights. Name one with `layer`."
        )
    return last.input
