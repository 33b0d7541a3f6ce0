"""The base of models that own a generator: counted steps, replicas, sampling, saving the generator alone."""

import os
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_gan import latents, serialization
from keras_gan.models import compiled, inputs

# What Keras calls formats that have modules of other names.
_KERAS_NAMES = {"saved_model": "tf_saved_model", "tflite": "litert"}


class GenerativeModel(keras.Model):
    """Base class of models that own a generator and train it by steps of their own.

    A subclass has attributes `latent_dim`, `latent_prior`, `image_shape`, `num_classes` and `class_names`, as a
    generator has, or `source_shape` in place of latents, as a translator has, and `generator`; it creates its networks
    in `__init__`, ends that with `self.built = True`, and implements `train_step`, `test_step`, `metrics`, `networks`
    and `optimizers`. Files hold the constructor's and `compile`'s arguments that the class names, each an attribute of
    the same name.

    Args:
        seed: Integer; with the step it determines every random draw of training.
    """

    _arguments = ("generator", "seed")
    _compile_arguments = ("optimizer",)

    def __init__(self, seed=0, **kwargs):
        # The networks see to their own precision: what comes in stays as it is.
        super().__init__(autocast=False, **kwargs)
        self.seed = int(seed)
        self.step = self._add_counter("step")
        # How often training went back to an earlier step. It enters the seeds, so that the next attempt differs.
        self.rollbacks = self._add_counter("rollbacks")
        # Set by `fit` and `evaluate`, until their first batch has been looked at.
        self.images_unchecked = True
        # How long steps in this process have waited for their data.
        self.input_seconds = 0.0

    def _add_counter(self, name):
        return self.add_weight(
            name=name,
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )

    @property
    def sampler(self) -> keras.Model:
        """The generator used for everything but training."""
        return self.generator

    @property
    def samplers(self) -> dict[str, keras.Model]:
        """Dictionary from the name of its file in a run to a generator used for everything but training."""
        return {"generator": self.sampler}

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Dictionary from role to network, of those that are trained."""
        raise NotImplementedError(f"{type(self).__name__} must implement `networks`.")

    @property
    def optimizers(self) -> dict[str, tuple[keras.optimizers.Optimizer, int]]:
        """Dictionary from role to the pair of an optimizer and its updates per training step."""
        raise NotImplementedError(f"{type(self).__name__} must implement `optimizers`.")

    def call(self, inputs, training=None):
        return self.sampler(inputs, training=False)

    def sample(
        self, n: int, labels: int | Sequence[int] | np.ndarray | None = None, seed: int = 0, truncation: float = 1.0
    ) -> np.ndarray:
        """Generates `n` images, image i from the seed `seed + i`; see `keras_gan.latents.sample`."""
        return latents.sample(self, n, labels=labels, seed=seed, truncation=truncation)

    def save_generator(
        self, path: str | os.PathLike, overwrite: bool = True, weights: list[np.ndarray] | None = None
    ) -> None:
        """Saves the sampling generator alone as a `.keras` file, trainable like a new one.

        Args:
            path: Where to; ends in `.keras`.
            overwrite: Whether an existing file is replaced.
            weights: Weights to save instead of the present ones, as `sampler.get_weights()` returned them earlier.
        """
        self._save_network(self.sampler, self.generator.name, path, overwrite, weights)

    def _save_network(self, network, name, path, overwrite, weights):
        copy = serialization.copy_network(network, name=name)
        if weights is not None:
            copy.set_weights(weights)
        copy.save(path, overwrite=overwrite)

    def export(
        self, filepath: str | os.PathLike, format: str = "tf_saved_model", verbose: bool | None = None, **kwargs
    ) -> dict:
        """Writes the generator that samples are made with for other programs, in float32, checked.

        What is written is run in a process without Keras and compared with this model first; a card says how to call
        it and what was found. `generator.export` writes the weights as they are trained, by Keras' own exporters.

        Args:
            filepath: Where to: a folder, or a file that ends in `.tflite` or `.onnx`.
            format: `"tf_saved_model"`, `"litert"` or `"onnx"`.
            verbose: Whether to print a line when it is done.
            **kwargs: Further arguments of `keras_gan.export.saved_model.export`, `tflite.export` or `onnx.export`,
                among them `overwrite`.

        Returns:
            The card, a dictionary.

        Raises:
            ValueError: If the format is none of these, there is something at `filepath` already, or a check fails.
            OSError: If nothing can be written there.
        """
        # What exports is made of models; only this leads from models back to it.
        from keras_gan import export

        known = {_KERAS_NAMES.get(name, name): name for name in export.__all__}
        if format not in known:
            raise ValueError(f"`format` must be one of {sorted(known)}. Received: format={format!r}")
        card = getattr(export, known[format]).export(self, filepath, **kwargs)
        if verbose:
            print(f"Wrote {filepath}.")
        return card

    def check_compile(self, jit_compile, **counts):
        """Refuses counts below 1, and XLA where it cannot compile the step.

        Raises:
            ValueError: If an argument of `compile` is out of range.
        """
        for name, value in counts.items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be an integer of at least 1. Received: {name}={value!r}")
        if jit_compile is True and self.distribute_strategy.num_replicas_in_sync > 1:
            raise ValueError(
                "XLA cannot compile a step that spans several replicas of one process: use jit_compile=False. "
                f"Received: jit_compile=True with {self.distribute_strategy.num_replicas_in_sync} replicas"
            )

    def assertions(self, data, first, training):
        """Assertions about the values of a batch; see `keras_gan.models.inputs.assertions`."""
        return inputs.assertions(data, first, training, self)

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, **kwargs):
        """Trains for a number of epochs; see `keras.Model.fit`."""
        self._assert_compile_called("fit")
        inputs.check_end(x, kwargs.get("steps_per_epoch"), "training data", "steps_per_epoch")
        held_out = kwargs.get("validation_data")
        inputs.check_end(held_out, kwargs.get("validation_steps"), "validation data", "validation_steps")
        if isinstance(x, (tf.data.Dataset, tf.distribute.DistributedDataset)):
            # Keras warns otherwise that it will not shuffle a dataset, which nobody asked for.
            kwargs.setdefault("shuffle", False)
        if isinstance(x, tf.data.Dataset) and kwargs.get("steps_per_epoch") is None:
            x, kwargs["steps_per_epoch"] = self._for_all_epochs(x, epochs - kwargs.get("initial_epoch", 0))
        self.images_unchecked = True
        with inputs.plain_errors(), compiled.equal_graphs():
            return super().fit(x, y, batch_size, epochs, verbose, callbacks, **kwargs)

    def _for_all_epochs(self, dataset, epochs):
        """One dataset for all epochs and the steps of each, because Keras makes two iterators for every pass."""
        steps = int(dataset.cardinality())
        if epochs < 2 or steps < 1 or steps % self.steps_per_execution:
            return dataset, None
        # As often as it is needed and no more, so that nothing is read ahead for a pass that does not come.
        return dataset.repeat(epochs if epochs * steps < 2**63 else None), steps

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, **kwargs):
        """Returns the logged quantities on held-out data, for the generator that samples; see `keras.Model.evaluate`.

        Latents are the same in every evaluation, and none of those that training draws.
        """
        inputs.check_end(x, steps, "data", "steps")
        self.images_unchecked = True
        with inputs.plain_errors(), compiled.equal_graphs():
            return super().evaluate(x, y, batch_size, verbose, sample_weight, steps, **kwargs)

    def train_on_batch(self, *args, **kwargs):
        """Updates the networks on one batch; see `keras.Model.train_on_batch`."""
        self.images_unchecked = True
        with inputs.plain_errors(), compiled.equal_graphs():
            return super().train_on_batch(*args, **kwargs)

    def test_on_batch(self, *args, **kwargs):
        """Returns the logged quantities on one batch; see `keras.Model.test_on_batch`."""
        self.images_unchecked = True
        with inputs.plain_errors(), compiled.equal_graphs():
            return super().test_on_batch(*args, **kwargs)

    def save(self, filepath: str | os.PathLike, overwrite: bool = True, zipped: bool | None = None, **kwargs) -> None:
        """Saves the model, its optimizers and its step to a `.keras` file; see `keras.Model.save`."""
        inputs.check_path(filepath)
        super().save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def get_config(self):
        config = {**super().get_config(), **self._serialized(self._arguments)}
        # Keras' files say of a network whether it is trainable, and nothing of the layers within.
        frozen = {role: paths for role, network in self.networks.items() if (paths := serialization.frozen(network))}
        return {**config, "frozen": frozen} if frozen else config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        frozen = config.pop("frozen", {})
        model = cls(**_deserialized(config, cls._arguments, custom_objects))
        for role, paths in frozen.items():
            serialization.freeze(model.networks[role], paths)
        return model

    def get_compile_config(self):
        if not self.compiled:
            return None
        return self._serialized((*self._compile_arguments, "jit_compile", "steps_per_execution", "run_eagerly"))

    def compile_from_config(self, config):
        self.compile(**_deserialized(config, self._compile_arguments))

    def _serialized(self, names):
        return {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in names}

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            self.train_function = compiled.train_function(self)
        return self.train_function

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            self.test_function = compiled.test_function(self)
        return self.test_function


def _deserialized(config, names, custom_objects=None):
    """A configuration with objects for dictionaries. A subclass sees to arguments of its own."""
    # Strings are values here, not names of custom objects.
    objects = {name: config[name] for name in names if isinstance(config.get(name), dict)}
    found = {
        name: keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
        for name, value in objects.items()
    }
    return {**config, **found}
