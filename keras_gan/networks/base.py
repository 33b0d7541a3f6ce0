"""Bases of generators and discriminators: the contract that the rest of the package reads."""

import os
from collections.abc import Iterable, Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_gan import latents
from keras_gan.networks import presets
from keras_gan.networks.exportable import Exportable

Tensor = tf.Tensor | keras.KerasTensor


def check_shape(name: str, shape: Sequence[int]) -> tuple[int, ...]:
    """Returns `shape` as a tuple if it is one of images or vectors, and raises `ValueError` otherwise."""
    sizes = shape if isinstance(shape, (list, tuple)) else ()
    if len(sizes) not in (1, 3) or any(size is None or int(size) < 1 for size in sizes):
        raise ValueError(
            f"`{name}` must be (height, width, channels) for images or (size,) for vectors, all positive. "
            f"Received: {name}={shape}"
        )
    if len(sizes) == 3 and keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "Networks here take images as (height, width, channels): call "
            "keras.config.set_image_data_format('channels_last'), or say so in keras.json. "
            f"Received: image_data_format={keras.config.image_data_format()!r}"
        )
    return tuple(int(size) for size in sizes)


def _check_classes(num_classes, class_names):
    if num_classes is None:
        if class_names is not None:
            raise ValueError(f"`class_names` needs `num_classes`. Received: class_names={class_names}")
        return None, None
    if int(num_classes) < 1:
        raise ValueError(f"`num_classes` must be at least 1, or None. Received: num_classes={num_classes}")
    if class_names is not None and len(class_names) != num_classes:
        raise ValueError(
            f"`class_names` must name each of the {num_classes} classes. Received: class_names={class_names}"
        )
    return int(num_classes), None if class_names is None else [str(name) for name in class_names]


def check_choice(name: str, value: object, choices: Iterable) -> object:
    """Returns `value` if it is one of `choices`, and raises `ValueError` otherwise."""
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {list(choices)}. Received: {name}={value!r}")
    return value


def check_conditioning(conditioning: str, num_classes: int | None, choices: Iterable[str]) -> str:
    """Returns `conditioning` if it is one of `choices` and has its classes, and raises `ValueError` otherwise."""
    check_choice("conditioning", conditioning, choices)
    if num_classes is None and conditioning != "concat":
        raise ValueError(f"conditioning={conditioning!r} needs `num_classes`. Received: num_classes=None")
    return conditioning


def append_labels(x: Tensor, labels: Tensor | None, num_classes: int | None) -> Tensor:
    """Appends one-hot labels to the last axis of vectors, or as constant planes to the channels of images.

    Args:
        x: Floats of shape `(batch, size)` or `(batch, height, width, channels)`.
        labels: Integers of shape `(batch,)`, or `None`: then `x` is returned as it is.
        num_classes: Number of classes.

    Returns:
        Floats like `x`, with `num_classes` more entries on the last axis.
    """
    if labels is None:
        return x
    # Rows of a constant, not `one_hot`, with which an int8 TFLite file of a trained generator had a PSNR of 12 to 16 dB
    # instead of 39 to 43: its quantization seems to give the latents the range [0, 1] of the labels beside them.
    labels = keras.ops.take(keras.ops.eye(num_classes, dtype=x.dtype), labels, axis=0)
    if len(x.shape) == 4:
        labels = keras.ops.tile(labels[:, None, None, :], (1, x.shape[1], x.shape[2], 1))
    return keras.ops.concatenate([x, labels], axis=-1)


def _symbolic_images(self) -> keras.KerasTensor | list[keras.KerasTensor]:
    """The inputs of `call` as Keras tensors."""
    images = keras.KerasTensor((None, *self.image_shape), dtype="float32", name="images")
    if self.num_classes is None:
        return images
    return [images, keras.KerasTensor((None,), dtype="int32", name="labels")]


class Network(Exportable):
    """A network that knows its own inputs, so that it can build itself without data, and be exported."""

    def build(self, input_shape=None):
        """Creates all variables by tracing `call` once on symbolic inputs of the declared shapes."""
        if not self.built:
            self.built = True
            self.compute_output_spec(self.symbolic_inputs())

    def unpack(self, inputs: Tensor | Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
        """Latents or images, in the compute dtype, and labels: `None` for an unconditional network.

        Args:
            inputs: The inputs of `call`.

        Returns:
            A pair.

        Raises:
            ValueError: If there are labels for an unconditional network, or none for a conditional one.
        """
        pair = isinstance(inputs, (list, tuple))
        if pair != (self.num_classes is not None) or (pair and len(inputs) != 2):
            expected = "one tensor" if self.num_classes is None else "a pair with labels as its second element"
            raise ValueError(
                f"{self.name} has num_classes={self.num_classes} and takes {expected}. Received: inputs={inputs}"
            )
        x, labels = inputs if pair else (inputs, None)
        return keras.ops.cast(x, self.compute_dtype), labels

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()

    def get_config(self):
        config = super().get_config()
        config.update(image_shape=self.image_shape, num_classes=self.num_classes, class_names=self.class_names)
        return config


class Generator(Network):
    """Base class of generators: latents, and labels where there are classes, to images in [-1, 1].

    A subclass creates its layers in `__init__`, ends that with `self.build()`, and implements
    `call(inputs, training=None)`, where `latents, labels = self.unpack(inputs)`. Sublayers are given
    `dtype=self.dtype_policy`, so that a saved network keeps the precision that it was trained in.

    Args:
        image_shape: What is generated: `(height, width, channels)`, or `(size,)` for vectors.
        latent_dim: Length of one latent vector.
        latent_prior: `"normal"` (independent N(0, 1)) or `"uniform"` (independent U(-1, 1)).
        num_classes: Number of classes of a conditional generator, or `None`.
        class_names: One name per class, or `None`.

    Call arguments:
        inputs: Latents, floats of shape `(batch, latent_dim)`; for a conditional generator the pair
            `[latents, labels]`, where labels are integers of shape `(batch,)` in `[0, num_classes)`.
        training: Whether the call is part of a training step.

    Returns:
        float32 images in [-1, 1] of shape `(batch,) + image_shape`.

    Raises:
        ValueError: If the arguments contradict one another.

    Example:

    >>> class Affine(keras_gan.networks.Generator):
    ...     def __init__(self, image_shape=(2,), latent_dim=2, **kwargs):
    ...         super().__init__(image_shape=image_shape, latent_dim=latent_dim, **kwargs)
    ...         self.dense = keras.layers.Dense(2, dtype=self.dtype_policy)
    ...         self.build()
    ...     def call(self, inputs, training=None):
    ...         return self.dense(inputs)
    >>> Affine().sample(5).shape
    (5, 2)
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int,
        latent_prior: str = "normal",
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape = check_shape("image_shape", image_shape)
        if int(latent_dim) < 1:
            raise ValueError(f"`latent_dim` must be at least 1. Received: latent_dim={latent_dim}")
        self.latent_dim = int(latent_dim)
        self.latent_prior = latents.check_prior(latent_prior)
        self.num_classes, self.class_names = _check_classes(num_classes, class_names)

    def symbolic_inputs(self) -> keras.KerasTensor | list[keras.KerasTensor]:
        """The inputs of `call` as Keras tensors."""
        codes = keras.KerasTensor((None, self.latent_dim), dtype="float32", name="latents")
        if self.num_classes is None:
            return codes
        return [codes, keras.KerasTensor((None,), dtype="int32", name="labels")]

    presets = presets.OfClass()

    @classmethod
    def from_preset(cls, preset: str | os.PathLike) -> "Generator":
        """Loads a trained generator.

        Args:
            preset: A name in `presets`, or the path of a folder that `save_to_preset` wrote.

        Returns:
            A generator in float32, trainable like a new one.

        Raises:
            ValueError: If there is no such preset, it is damaged, or it is of another class.

        Example:

        >>> generator = keras_gan.networks.Generator.from_preset("dcgan_mnist")
        >>> generator.sample(4, seed=0).shape
        (4, 28, 28, 1)
        >>> "dcgan_mnist" in keras_gan.networks.DCGANGenerator.presets
        True
        """
        return presets.load(preset, cls)

    def save_to_preset(self, folder: str | os.PathLike, facts: dict | None = None) -> None:
        """Writes this generator into a folder that `from_preset` reads, kernels as float16.

        Args:
            folder: Folder to create.
            facts: Dictionary of what is to be known of it, which JSON can hold.

        Raises:
            ValueError: If there is something in the folder already, or float16 does not hold the weights.
        """
        presets.save(self, folder, facts)

    def sample(
        self, n: int, labels: int | Sequence[int] | None = None, seed: int = 0, truncation: float = 1.0
    ) -> np.ndarray:
        """Generates `n` images; see `keras_gan.latents.sample`."""
        return latents.sample(self, n, labels=labels, seed=seed, truncation=truncation)

    def get_config(self):
        config = super().get_config()
        config.update(latent_dim=self.latent_dim, latent_prior=self.latent_prior)
        return config


class Encoder(Network):
    """Base class of encoders: images, and labels where there are classes, to distributions of latents.

    A distribution is a normal one with independent entries, given by the mean and the logarithm of the variance of
    each. A subclass creates its layers in `__init__`, ends that with `self.build()`, and implements
    `call(inputs, training=None)`, where `images, labels = self.unpack(inputs)`, and which returns `self.halves(x)` of
    floats of shape `(batch, 2 * latent_dim)`.

    Args:
        image_shape: What is encoded: `(height, width, channels)`, or `(size,)` for vectors.
        latent_dim: Length of one latent vector.
        num_classes: Number of classes of a conditional encoder, or `None`.
        class_names: One name per class, or `None`.

    Call arguments:
        inputs: Images, floats of shape `(batch,) + image_shape` in [-1, 1]; for a conditional encoder the pair
            `[images, labels]`, where labels are integers of shape `(batch,)`.
        training: Whether the call is part of a training step.

    Returns:
        The pair of means and logarithms of variances, float32 of shape `(batch, latent_dim)`; logarithms lie in
        [-30, 20].

    Raises:
        ValueError: If the arguments contradict one another.

    Example:

    >>> class Linear(keras_gan.networks.Encoder):
    ...     def __init__(self, image_shape=(2,), latent_dim=3, **kwargs):
    ...         super().__init__(image_shape=image_shape, latent_dim=latent_dim, **kwargs)
    ...         self.dense = keras.layers.Dense(6, dtype="float32")
    ...         self.build()
    ...     def call(self, inputs, training=None):
    ...         return self.halves(self.dense(inputs))
    >>> [part.shape for part in Linear()(np.zeros((5, 2), "float32"))]
    [TensorShape([5, 3]), TensorShape([5, 3])]
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int,
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape = check_shape("image_shape", image_shape)
        if int(latent_dim) < 1:
            raise ValueError(f"`latent_dim` must be at least 1. Received: latent_dim={latent_dim}")
        self.latent_dim = int(latent_dim)
        self.num_classes, self.class_names = _check_classes(num_classes, class_names)

    def halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means, and logarithms of variances, bounded so that neither they nor their inverses overflow."""
        mean, log_variance = keras.ops.split(keras.ops.cast(x, "float32"), 2, axis=-1)
        return mean, keras.ops.clip(log_variance, -30.0, 20.0)

    symbolic_inputs = _symbolic_images

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim}


class Discriminator(Network):
    """Base class of discriminators: images, and labels where there are classes, to one logit each.

    A logit is a real number, not a probability: positive says "real". The losses take it from there.

    With `packing=m` each logit judges m images at once, those of m successive rows, concatenated along their
    channels: a generator with little variety betrays itself. A subclass passes `packing` on and calls `self.pack`
    on what `self.unpack` returns. Augmentation comes before packing, penalties on input gradients are those of whole
    packs, and batches must be divisible by m.

    Args:
        image_shape: What is judged: `(height, width, channels)`, or `(size,)` for vectors.
        num_classes: Number of classes of a conditional discriminator, or `None`.
        class_names: One name per class, or `None`.
        packing: Number of images judged together.

    Call arguments:
        inputs: Images, floats of shape `(batch,) + image_shape` in [-1, 1]; for a conditional discriminator
            the pair `[images, labels]`, where labels are integers of shape `(batch,)`.
        training: Whether the call is part of a training step.

    Returns:
        float32 logits of shape `(batch / packing, 1)`.

    Raises:
        ValueError: If the arguments contradict one another.

    Example:

    >>> class Linear(keras_gan.networks.Discriminator):
    ...     def __init__(self, image_shape=(2,), **kwargs):
    ...         super().__init__(image_shape=image_shape, **kwargs)
    ...         self.dense = keras.layers.Dense(1, dtype="float32")
    ...         self.build()
    ...     def call(self, inputs, training=None):
    ...         return self.dense(inputs)
    >>> Linear()(np.zeros((5, 2), "float32")).shape
    TensorShape([5, 1])

    Reference:
        Lin et al. 2018, "PacGAN: the power of two samples in generative adversarial networks", section 2.1.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        packing: int = 1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape = check_shape("image_shape", image_shape)
        self.num_classes, self.class_names = _check_classes(num_classes, class_names)
        if int(packing) < 1:
            raise ValueError(f"`packing` must be at least 1. Received: packing={packing}")
        self.packing = int(packing)

    def pack(self, x: Tensor) -> Tensor:
        """Concatenates the last axes of every `packing` successive rows.

        Args:
            x: Floats of shape `(batch, size)` or `(batch, height, width, channels)`.

        Returns:
            Floats of shape `(batch / packing, packing * size)` or
            `(batch / packing, height, width, packing * channels)`.

        Raises:
            ValueError: If the batch size is known and not divisible by `packing`.
        """
        if self.packing == 1:
            return x
        batch, *inner, last = x.shape
        if batch is not None and batch % self.packing:
            raise ValueError(
                f"{self.name} judges packing={self.packing} images at once, so batches must be divisible by that. "
                f"Received: a batch of {batch}"
            )
        x = keras.ops.reshape(x, (-1, self.packing, *inner, last))
        x = keras.ops.moveaxis(x, 1, -2)
        return keras.ops.reshape(x, (-1, *inner, self.packing * last))

    def refuse_packed_labels(self):
        """Refuses packing together with classes, for networks where a label belongs to a logit, not to an image."""
        if self.packing > 1 and self.num_classes is not None:
            raise ValueError(
                f"{type(self).__name__} conditions each logit on one label and cannot pack images of several classes: "
                f"use packing=1, or a network that appends labels to images. Received: packing={self.packing}, "
                f"num_classes={self.num_classes}"
            )

    def get_config(self):
        return {**super().get_config(), "packing": self.packing}

    symbolic_inputs = _symbolic_images
