"""Heads of discriminators, from features to logits."""

import keras

CONDITIONINGS = ("concat", "projection", "auxiliary")


class Heads(keras.layers.Layer):
    """The last layers of a discriminator, in float32.

    The logit is w · x + b; with `"projection"`, embed(label) · x is added; with `"auxiliary"` there are class logits
    V x + c as well.

    Args:
        conditioning: One of `CONDITIONINGS`.
        num_classes: Number of classes, or `None`.
        use_bias: Whether the linear maps have biases; the embedding has none.
        kernel_initializer: Function without arguments that makes an initializer.

    Call arguments:
        features: Floats of shape `(batch, size)`.
        labels: Integers of shape `(batch,)`, or `None`.
        return_class_logits: Whether class logits are returned too.

    Returns:
        float32 logits `(batch, 1)`, or the pair of these and class logits `(batch, num_classes)`.

    Raises:
        ValueError: If there are no class logits to return.
    """

    def __init__(self, conditioning, num_classes, use_bias, kernel_initializer):
        super().__init__(dtype="float32", name="heads")
        self.conditioning = conditioning
        self.num_classes = num_classes

        def linear(units, use_bias, name):
            return keras.layers.Dense(
                units, use_bias=use_bias, kernel_initializer=kernel_initializer(), dtype="float32", name=name
            )

        self.logit = linear(1, use_bias, "logit")
        self.embedding = self.classifier = None
        if conditioning == "projection":
            # The transposed embedding as a linear map of features: its output at a label is what is wanted.
            self.embedding = linear(num_classes, False, "embedding")
        if conditioning == "auxiliary":
            self.classifier = linear(num_classes, use_bias, "classifier")

    def build(self, features_shape, labels_shape=None):
        for layer in (self.logit, self.embedding, self.classifier):
            if layer is not None:
                layer.build(features_shape)

    def call(self, features, labels=None, return_class_logits=False):
        if return_class_logits and self.classifier is None:
            raise ValueError(
                "Only a discriminator with conditioning='auxiliary' has class logits. "
                f"Received: conditioning={self.conditioning!r}"
            )
        logits = self.logit(features)
        if self.embedding is not None:
            rows = keras.ops.one_hot(labels, self.num_classes, dtype="float32")
            logits += keras.ops.sum(rows * self.embedding(features), axis=-1, keepdims=True)
        return (logits, self.classifier(features)) if return_class_logits else logits

    def compute_output_spec(self, features, labels=None, return_class_logits=False):
        def spec(size):
            return keras.KerasTensor((features.shape[0], size), dtype="float32")

        return (spec(1), spec(self.num_classes)) if return_class_logits else spec(1)
