"""The discriminator as seen within one training step."""

import tensorflow as tf


class Critic:
    """A discriminator with labels and augmentation bound, that computes nothing twice.

    Adversarial losses need the logits of an image batch, gradient penalties the gradients of the same logits:
    one forward pass serves both.

    Args:
        discriminator: Model from images, or `[images, labels]`, to one logit each.
        labels: int32 labels `(batch,)` of every image batch it will see, or `None`.
        augment: Function from images to augmented images, or `None`.
        training: Passed on to the discriminator.

    Call arguments:
        images: float32 `(batch, ...)`. Batches are told apart by identity, not by value.

    Returns:
        float32 logits of shape `(batch,)`; one for each pack of a discriminator that packs images.

    Example:

    >>> discriminator = keras_gan.networks.MLPDiscriminator(image_shape=(2,), hidden_units=(4,))
    >>> critic = keras_gan.critic.Critic(discriminator)
    >>> points = tf.zeros((3, 2))
    >>> critic(points).shape, critic.input_gradients(points).shape
    (TensorShape([3]), TensorShape([3, 2]))
    """

    def __init__(self, discriminator, labels=None, augment=None, training=True):
        self._discriminator = discriminator
        self._labels = labels
        self._augment = augment
        self._training = training
        self._passes = {}
        self._gradients = {}

    def __call__(self, images):
        return self._forward(images)[0]

    def input_gradients(self, images):
        """Gradients of each image's logit with respect to that image, before augmentation.

        Args:
            images: float32 `(batch, ...)`.

        Returns:
            float32 tensor with one row for each logit: of the images' shape, or `(packs, packing, ...)` for a
            discriminator that packs images.
        """
        key = images.ref()
        if key not in self._gradients:
            logits, tape = self._forward(images)
            gradients = tape.gradient(logits, images)
            packing = getattr(self._discriminator, "packing", 1)
            if packing > 1:
                gradients = tf.reshape(gradients, (-1, packing, *images.shape[1:]))
            self._gradients[key] = gradients
        return self._gradients[key]

    def _forward(self, images):
        key = images.ref()
        if key not in self._passes:
            # In a graph an unused tape costs nothing; it is what input_gradients differentiates.
            with tf.GradientTape() as tape:
                tape.watch(images)
                seen = self._augment(images) if self._augment else images
                inputs = seen if self._labels is None else [seen, self._labels]
                logits = self._discriminator(inputs, training=self._training)
                logits = tf.reshape(tf.cast(logits, tf.float32), [-1])
            self._passes[key] = logits, tape
        return self._passes[key]
