"""Networks of which Keras' and TensorFlow's own exporters find the inputs."""

import contextlib
import os
from collections.abc import Sequence

import keras
import tensorflow as tf
from tensorflow.python.util import keras_deps

from keras_gan import serialization


class _NoCallContext:
    """The scope that TensorFlow's TFLite converter enters around the call of a Keras model: nothing.

    Keras 2 registered a context of its own with TensorFlow; Keras 3 registers none, and the converter fails without.
    """

    layer = None

    def enter(self, *args, **kwargs):
        return contextlib.nullcontext()


class Exportable(keras.Model):
    """A model that says what it takes, of which exporters otherwise learn by its first call: floats, all of one dtype.

    A subclass implements `symbolic_inputs()`, the inputs of `call` as Keras tensors: one, or a list.
    """

    def _post_build(self):
        # Keras has recorded the arguments of `build` by now, of which there were none. `TFLiteConverter` reads a shape
        # here, gives it the network's `input_dtype`, and names inputs and outputs in the file's signature.
        super()._post_build()
        inputs = self.symbolic_inputs()
        if not isinstance(inputs, list) and inputs.dtype == self.input_dtype:
            self._build_shapes_dict = {"input_shape": tuple(inputs.shape)}

    def _get_save_spec(self, dynamic_batch=True):
        # What `TFLiteConverter` asks for otherwise: where inputs differ in dtype, among themselves or from what the
        # network computes in. Such files have named inputs, and no signature.
        if keras_deps.get_call_context_function() is None:
            tf.__internal__.register_call_context_function(_NoCallContext)
        return self._tensor_specs()

    @property
    def _default_save_signature(self):
        # What `tf.saved_model.save` looks for.
        @tf.function(input_signature=[self._tensor_specs()], autograph=False)
        def serving_default(inputs):
            return self(inputs, training=False)

        return serving_default

    def _tensor_specs(self):
        return tf.nest.map_structure(
            lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name), self.symbolic_inputs()
        )

    def export(
        self,
        filepath: str | os.PathLike,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Sequence | None = None,
        **kwargs,
    ) -> None:
        """Writes the network by Keras' own exporters, unchecked, with the weights that it has.

        A SavedModel computes in the network's precision; the other formats, which have no bfloat16, in float32. Of a
        trained model, `GenerativeModel.export` writes the averaged generator, with seeds and bytes, and compares what
        it wrote with Keras.

        Args:
            filepath: Where to.
            format: `"tf_saved_model"`, `"litert"`, `"onnx"` or `"openvino"`.
            verbose: As of `keras.Model.export`.
            input_signature: What the inputs are; by default `symbolic_inputs()`, for any batch.
            **kwargs: As of `keras.Model.export`.
        """
        if input_signature is None:
            input_signature = [self.symbolic_inputs()]
        network = self if format == "tf_saved_model" else serialization.in_float32(self)
        keras.Model.export(network, filepath, format, verbose, input_signature, **kwargs)
