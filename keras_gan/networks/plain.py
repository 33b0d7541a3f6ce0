"""A Keras model without a contract as a generator."""

import copy
from collections.abc import Sequence

import keras

from keras_gan.networks.base import Generator


@keras.saving.register_keras_serializable("keras_gan")
class PlainGenerator(Generator):
    """A functional or sequential Keras model with what it does not declare: prior and classes.

    A `GAN` takes such models as they are; sampling from a file and exporting need the whole.

    Args:
        model: A functional or sequential Keras model from latents `(batch, latent_dim)`, or from those and int32
            labels `(batch,)`, to images in [-1, 1].
        latent_prior: `"normal"` or `"uniform"`.
        num_classes: Number of classes of a model that takes labels, otherwise `None`.
        class_names: One name per class, or `None`.

    Call arguments:
        inputs: As of `keras_gan.networks.Generator`.
        training: Whether the call is part of a training step.

    Returns:
        float32 images of shape `(batch,) + image_shape`.

    Raises:
        ValueError: If the model is of another kind, or the arguments contradict it.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Reshape((2, 2, 1))])
    >>> keras_gan.networks.PlainGenerator(model, latent_prior="uniform").sample(5).shape
    (5, 2, 2, 1)
    """

    def __init__(
        self,
        model: keras.Model,
        latent_prior: str = "normal",
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        **kwargs,
    ):
        takes = len(getattr(model, "inputs", None) or ())
        if not isinstance(model, keras.Model) or takes not in (1, 2) or len(model.outputs) != 1:
            raise ValueError(
                "`model` must be a functional or sequential Keras model of latents, or of latents and labels, to "
                f"images. Received: model={model!r}"
            )
        if (takes == 2) != (num_classes is not None):
            raise ValueError(
                "`num_classes` goes with a model that takes labels beside latents. Received: a model with "
                f"{takes} inputs, num_classes={num_classes}"
            )
        latents = tuple(model.inputs[0].shape)
        if len(latents) != 2 or latents[1] is None:
            raise ValueError(f"`model` must take latents of shape (batch, latent_dim). Received: a model of {latents}")
        # The model's layers have precisions of their own.
        kwargs = {"dtype": "float32", **kwargs}
        image_shape = tuple(model.outputs[0].shape)[1:]
        super().__init__(image_shape, latents[1], latent_prior, num_classes, class_names, **kwargs)
        self.model = model
        self.build()

    def call(self, inputs, training=None):
        latents, labels = self.unpack(inputs)
        images = self.model(latents if labels is None else [latents, labels], training=training)
        return keras.ops.cast(images, "float32")

    def get_config(self):
        config = super().get_config()
        shapes = ("image_shape", "latent_dim")
        return {
            **{name: value for name, value in config.items() if name not in shapes},
            "model": keras.saving.serialize_keras_object(self.model),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        # A copy, because Keras takes configurations of functional models apart.
        model = keras.saving.deserialize_keras_object(copy.deepcopy(config["model"]), custom_objects=custom_objects)
        return cls(**{**config, "model": model})
