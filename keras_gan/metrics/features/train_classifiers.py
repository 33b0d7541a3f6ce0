"""Trains the small classifiers that evaluation sees images through, and writes their weights and what they reach.

    python -m keras_gan.metrics.features.train_classifiers --dataset=mnist --seed=0 --name=mnist_classifier

Training sees the split `train` alone. What is written are the weights as they are used: batch normalization folded into
the convolutions, rounded to float16; their accuracy on the split `test` goes into `manifest.json` beside them.
"""

import dataclasses
import hashlib
import io
import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_gan import cli, data
from keras_gan.cli import option
from keras_gan.data import faces
from keras_gan.files import atomic
from keras_gan.metrics.features import classifiers

# Filters of the four convolutions, largest shift in pixels, and whether an image may be mirrored.
RECIPES = {
    "mnist": ((32, 32, 64, 64), 2, False),
    "fashion_mnist": ((32, 32, 64, 64), 2, True),
    "cifar10": ((48, 64, 96, 96), 4, True),
    "faces": ((24, 32, 48, 48), 2, True),
}
# What a classifier of one data set fits besides.
ALSO = {"mnist": ["mnist5k"]}
KERNELS = (4, 3, 3, 3)


@dataclasses.dataclass(frozen=True)
class Config:
    dataset: str = option("mnist", "mnist, fashion_mnist or cifar10, as TensorFlow Datasets has them, or faces.")
    name: str = option("", "Name of the classifier: its weights are NAME.npz.")
    out: str = option(str(classifiers.FOLDER), "Folder of the weights and of manifest.json.")
    seed: int = option(0, "Determines initial weights, data order and augmentation.", low=0)
    epochs: int = option(8, "Passes over the training split.", low=1)
    batch_size: int = option(128, "Images in a minibatch.", low=1)
    learning_rate: float = option(4e-3, "Largest learning rate of AdamW, after a warm-up and before a cosine decay.")
    weight_decay: float = option(0.02, "AdamW's weight decay.", low=0)
    data_dir: str = option("", "Where TensorFlow Datasets keeps prepared data; its own default if empty.")


class FusedNormalization(keras.layers.BatchNormalization):
    """Batch normalization of the last axis by TensorFlow's fused operation, much faster on a processor than Keras'."""

    def call(self, inputs, training=None):
        if not training:
            return super().call(inputs, training=False)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma.value, self.beta.value, epsilon=self.epsilon, is_training=True
        )
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average.value + (1.0 - self.momentum) * (value - average.value))
        return outputs


def build(image_shape, num_classes, filters):
    """The classifier as it is trained: with batch normalization, from images to logits."""
    x = images = keras.Input(image_shape)
    for count, kernel, stride in zip(filters, KERNELS, classifiers.STRIDES, strict=True):
        x = keras.layers.Conv2D(count, kernel, stride, "same", use_bias=False)(x)
        x = FusedNormalization(momentum=0.95)(x)
        x = keras.layers.ReLU()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(num_classes, dtype="float32")(x))


def fold(model):
    """The weights of `classifiers.from_arrays` that compute what a trained model does, up to rounding to float16.

    A convolution with kernel K and a normalization `scale * (x - mean) / sqrt(variance + epsilon) + offset` after it
    are one convolution, with the kernel `K * scale / sqrt(variance + epsilon)`.

    Args:
        model: What `build` returns.

    Returns:
        Dictionary of float16 arrays.
    """
    arrays = {}
    kernels = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for i, (convolution, norm) in enumerate(zip(kernels, norms, strict=True)):
        (kernel,) = convolution.get_weights()
        scale, offset, mean, variance = norm.get_weights()
        factor = scale / np.sqrt(variance + norm.epsilon)
        arrays[f"kernel_{i}"], arrays[f"bias_{i}"] = kernel * factor, offset - mean * factor
    arrays[f"kernel_{len(norms)}"], arrays[f"bias_{len(norms)}"] = model.layers[-1].get_weights()
    return {name: array.astype(np.float16) for name, array in arrays.items()}


def augment(images, seed, shift, mirror):
    """Moves every image by up to `shift` pixels each way, with black coming in, and mirrors half of them.

    Args:
        images: float32 `(batch, height, width, channels)` in [-1, 1].
        seed: Two int64 that determine the draws.
        shift: Largest shift, in pixels.
        mirror: Whether to mirror.

    Returns:
        float32 tensor of the same shape.
    """
    n, (height, width) = tf.shape(images)[0], images.shape[1:3]
    draws = tf.random.stateless_uniform((n, 3), seed, 0, 2 * shift + 1, tf.int32)
    rows = draws[:, 0, None] + tf.range(height)
    columns = draws[:, 1, None] + tf.range(width)
    if mirror:
        turned = tf.random.stateless_uniform((n, 1), seed + 1) < 0.5
        columns = tf.where(turned, columns[:, ::-1], columns)
    padded = tf.pad(images, [[0, 0], [shift, shift], [shift, shift], [0, 0]], constant_values=-1.0)
    moved = tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)
    return tf.ensure_shape(moved, images.shape)


def train(config):
    """Trains the classifier of a configuration; returns it and the shape of its images."""
    filters, shift, mirror = RECIPES[config.dataset]
    keras.utils.set_random_seed(config.seed)
    images, spec = data.load(
        _examples(config, "train"), batch_size=config.batch_size, labels=True, seed=config.seed, repeat=True
    )
    numbered = tf.data.Dataset.zip(tf.data.Dataset.counter(), images)
    augmented = (
        numbered.map(
            lambda step, batch: (
                augment(batch[0], tf.stack([tf.constant(config.seed, tf.int64), 2 * step]), shift, mirror),
                batch[1],
            )
        )
        .prefetch(2)
        .with_options(images.options())
    )
    steps = spec.num_examples // config.batch_size
    total = steps * config.epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, total - total // 10, warmup_target=config.learning_rate, warmup_steps=total // 10
    )
    groups = _groups(config) or (spec.num_classes,)
    model = build(spec.image_shape, sum(groups), filters)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=config.weight_decay),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True) if len(groups) == 1 else _Attributes(groups),
        metrics=["accuracy"] if len(groups) == 1 else None,
    )
    model.fit(augmented, steps_per_epoch=steps, epochs=config.epochs, verbose=2, shuffle=False)
    return model, spec.image_shape


class _Attributes(keras.losses.Loss):
    """The sum over attributes of the cross-entropy, of labels that number their combinations in mixed radix."""

    def __init__(self, groups):
        super().__init__(name="attributes")
        self.groups = groups

    def call(self, labels, scores):
        parts = tf.split(scores, self.groups, axis=-1)
        values = attribute_values(tf.cast(tf.reshape(labels, (-1,)), tf.int32), self.groups)
        return sum(
            tf.nn.sparse_softmax_cross_entropy_with_logits(value, part)
            for value, part in zip(values, parts, strict=True)
        )


def attribute_values(combinations, groups):
    """The value of each attribute, of which the first counts most in the number of a combination.

    Args:
        combinations: Integers `(n,)`.
        groups: Number of values of each attribute.

    Returns:
        List of integers `(n,)`, one for each attribute.

    Example:

    >>> from keras_gan.metrics.features import train_classifiers
    >>> [int(value) for value in train_classifiers.attribute_values(7, (2, 5))]
    [1, 2]
    """
    values = []
    for count in reversed(groups):
        values.insert(0, combinations % count)
        combinations = combinations // count
    return values


def accuracy(model, config):
    """The shares of the test split of which a loaded classifier is right, a list: one for each attribute, or one."""
    images, spec = data.load(
        _examples(config, "test"), batch_size=500, labels=True, shuffle=False, drop_remainder=False
    )
    groups = _groups(config) or (spec.num_classes,)
    right = []
    for batch, labels in images:
        parts = np.split(model(batch)[1].numpy(), np.cumsum(groups)[:-1], axis=-1)
        values = attribute_values(labels.numpy(), groups)
        right.append([part.argmax(-1) == value for part, value in zip(parts, values, strict=True)])
    return np.concatenate(right, axis=1).mean(1).tolist()


def _examples(config, split):
    """The labelled data; the label of a face is the number of its combination of attributes."""
    if config.dataset != "faces":
        return data.open_source(config.dataset, split, data_dir=config.data_dir or None)
    images, attributes = faces.draw_many(*faces.SPLITS[split])
    labels = np.array([faces.combination(each) for each in attributes])
    return data.open_source((images, labels), num_classes=len(faces.probabilities()))


def _groups(config):
    return tuple(len(values) for values in faces.ATTRIBUTES.values()) if config.dataset == "faces" else ()


def _of_attributes(config, right):
    """Further facts about a classifier of attributes, for the manifest."""
    if not _groups(config):
        return {}
    named = {name: list(values) for name, values in faces.ATTRIBUTES.items()}
    shares = dict(zip(named, (round(share, 4) for share in right), strict=True))
    return {"attributes": named, "attribute_accuracy": shares}


def _run(config):
    if config.dataset not in RECIPES:
        raise ValueError(f"--dataset must be one of {sorted(RECIPES)}. Received: --dataset={config.dataset}")
    out, name = Path(config.out), config.name or f"{config.dataset}_classifier"
    atomic.nearest_folder(out / "manifest.json")
    model, image_shape = train(config)
    arrays = fold(model)
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    right = accuracy(classifiers.from_arrays(name, image_shape, arrays, _groups(config)), config)
    test_accuracy = float(np.mean(right))
    entry = {
        "dataset": config.dataset,
        "fits": [config.dataset, *ALSO.get(config.dataset, [])],
        "split": "train",
        "seed": config.seed,
        "epochs": config.epochs,
        "image_shape": list(image_shape),
        "test_accuracy": round(test_accuracy, 4),
        **_of_attributes(config, right),
        "sha256": hashlib.sha256(content.getvalue()).hexdigest(),
    }
    out.mkdir(parents=True, exist_ok=True)
    with atomic.write_file(out / f"{name}.npz") as partial:
        partial.write_bytes(content.getvalue())
    file = out / "manifest.json"
    entries = json.loads(file.read_text("utf-8")) if file.exists() else {}
    with atomic.write_file(file) as partial:
        partial.write_text(json.dumps(dict(sorted({**entries, name: entry}.items())), indent=2) + "\n", "utf-8")
    print(f"{name}: {test_accuracy:.2%} of the test split, {len(content.getvalue()):,} bytes, sha256 {entry['sha256']}")


def main(argv=None):
    """Reads the flags, from the command line or `argv`, and trains."""
    config, _ = cli.parse(Config, "python -m keras_gan.metrics.features.train_classifiers", __doc__, argv)
    cli.run(lambda: _run(config))


if __name__ == "__main__":
    main()
