"""The discriminator as seen within one training step."""

import warnings
import weakref

import tensorflow as tf

from keras_gan import latents, losses, random

# Activations that a logit must not pass through, and operations that change no value but a tensor's form.
_BOUNDED = {"Sigmoid": "a sigmoid", "Softmax": "a softmax", "Tanh": "a hyperbolic tangent"}
_FORMS = ("Cast", "ExpandDims", "Identity", "Reshape", "Squeeze", "StopGradient")
_warned = weakref.WeakSet()


class Critic:
    """A discriminator with labels and augmentation bound, that computes nothing twice.

    Adversarial losses need the logits of an image batch, gradient penalties the gradients of the same logits:
    one forward pass serves both.

    Args:
        discriminator: Model from images, `[images, labels]` or `[images, sources]`, to one logit each, or to a map of
            logits of patches, `(batch, rows, columns, 1)`.
        labels: int32 labels `(batch,)` of every image batch it will see, or `None`.
        augment: Function of a list of image batches that returns them augmented, the i-th images of all alike; or
            `None`.
        training: Passed on to the discriminator.
        noise: `keras_gan.random.Noise` of the step, for regularizers that draw; by default one of a fixed seed.
        sources: Images `(batch, ...)` that every image batch is judged beside, or `None`.

    Call arguments:
        images: float32 `(batch, ...)`. Batches are told apart by identity, not by value.

    Returns:
        float32 logits of shape `(batch,)`; one for each pack of a discriminator that packs images; of one that judges
        patches `(batch, rows, columns)`.

    Example:

    >>> discriminator = keras_gan.networks.MLPDiscriminator(image_shape=(2,), hidden_units=(4,))
    >>> critic = keras_gan.models.critic.Critic(discriminator)
    >>> points = tf.zeros((3, 2))
    >>> critic(points).shape, critic.input_gradients(points).shape
    (TensorShape([3]), TensorShape([3, 2]))
    """

    def __init__(self, discriminator, labels=None, augment=None, training=True, noise=None, sources=None):
        self._discriminator = discriminator
        self._augment = augment
        self._classifies = getattr(discriminator, "conditioning", None) == "auxiliary"
        # Images that are judged together, by one logit.
        self.packing = getattr(discriminator, "packing", 1)
        self.labels = labels
        self.sources = sources
        self.training = training
        self.noise = random.Noise(0, tf.zeros((), tf.int64)) if noise is None else noise
        self._passes = {}
        self._gradients = {}

    def __call__(self, images):
        return self._forward(images)[0]

    def fresh(self):
        """The same critic, with nothing computed yet."""
        return Critic(self._discriminator, self.labels, self._augment, self.training, self.noise, self.sources)

    def class_logits(self, images):
        """Logits of the classes, from a discriminator with `conditioning="auxiliary"`.

        Args:
            images: float32 `(batch, ...)`.

        Returns:
            float32 tensor of shape `(batch, num_classes)`.
        """
        return self._forward(images)[2]

    def input_gradients(self, images):
        """Gradients of each image's logit, of patches the mean one, with respect to that image, before augmentation.

        Args:
            images: float32 `(batch, ...)`.

        Returns:
            float32 tensor with one row for each logit: of the images' shape, or `(packs, packing, ...)` for a
            discriminator that packs images.
        """
        key = images.ref()
        if key not in self._gradients:
            _, tape, _, score = self._forward(images)
            gradients = tape.gradient(score, images)
            if self.packing > 1:
                gradients = tf.reshape(gradients, (-1, self.packing, *images.shape[1:]))
            self._gradients[key] = gradients
        return self._gradients[key]

    def differences(self, images, scale, every=1):
        """Changes of images' logits, of patches the mean one, by normal noise on them: `D(x + scale * n) - D(x)`.

        Both images are augmented alike, and judged among the same others: a discriminator may look at its whole batch.

        Args:
            images: float32 `(batch, ...)`.
            scale: Standard deviation of the noise.
            every: Of how many images, or packs, one is taken.

        Returns:
            float32 tensor of shape `(ceil(batch / every),)`, or one for each pack that is taken.
        """
        if every == 1 and self._augment is None:
            part, critic = images, self
        else:
            part = self._every(images, every)
            labels, sources = (None if x is None else self._every(x, every) for x in (self.labels, self.sources))
            critic = Critic(self._discriminator, labels, None, self.training, self.noise, sources)
        shape, n = part.shape[1:], tf.shape(part)[0]
        noise = tf.reshape(latents.from_noise(self.noise, n, shape.num_elements()), [n, *shape])
        pair = [part, part + scale * tf.cast(noise, part.dtype)]
        if self._augment is not None:
            seen = self._augment(pair if critic.sources is None else [*pair, critic.sources])
            pair, critic.sources = seen[:2], seen[2] if len(seen) > 2 else None
        return critic._forward(pair[1])[-1] - critic._forward(pair[0])[-1]

    def _every(self, batch, every):
        """The first of each `every` rows, or packs of rows."""
        if self.packing == 1:
            return batch[::every]
        packs = tf.reshape(batch, [-1, self.packing, *batch.shape[1:]])[::every]
        return tf.reshape(packs, [-1, *batch.shape[1:]])

    def _forward(self, images):
        key = images.ref()
        if key not in self._passes:
            # In a graph an unused tape costs nothing; it is what input_gradients differentiates.
            with tf.GradientTape() as tape:
                tape.watch(images)
                inputs = self._inputs(images)
                if self._classifies:
                    logits, classes = self._discriminator(inputs, training=self.training, return_class_logits=True)
                else:
                    logits, classes = self._discriminator(inputs, training=self.training), None
                _warn_of_activation(logits, self._discriminator)
                logits = tf.cast(logits, tf.float32)
                logits = logits[..., 0] if logits.shape.rank == 4 else tf.reshape(logits, [-1])
                score = losses.per_example(logits)
            self._passes[key] = logits, tape, classes, score
        return self._passes[key]

    def _inputs(self, images):
        """The discriminator's inputs: images as it is to see them, and what it judges them by."""
        if self.sources is not None:
            pair = [images, self.sources]
            return self._augment(pair) if self._augment else pair
        [seen] = self._augment([images]) if self._augment else [images]
        return seen if self.labels is None else [seen, self.labels]


def _warn_of_activation(logits, discriminator):
    """Warns, once, of a discriminator whose outputs are no logits, as Keras' losses do with `from_logits=True`.

    In a graph it is known which operation a tensor comes from, so that this costs nothing in a training step.
    """
    if discriminator in _warned:
        return
    bounded = "a sigmoid or softmax" if hasattr(logits, "_keras_logits") else None
    if tf.is_symbolic_tensor(logits):
        operation = logits.op
        while operation.type in _FORMS:
            operation = operation.inputs[0].op
        bounded = _BOUNDED.get(operation.type)
    if bounded:
        _warned.add(discriminator)
        warnings.warn(
            f"The discriminator ends in {bounded}, and losses take logits, which have no bounds: leave the activation "
            f"of its last layer out. Received: discriminator={discriminator.name!r}",
            stacklevel=2,
        )
