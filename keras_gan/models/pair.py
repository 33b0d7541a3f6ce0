"""The agreement of a generator and a discriminator, read from the networks themselves."""

import dataclasses

import keras

from keras_gan import latents, networks


@dataclasses.dataclass(frozen=True)
class Pair:
    """Shapes, prior and classes of a pair of networks."""

    image_shape: tuple
    latent_dim: int
    latent_prior: str
    num_classes: int | None
    class_names: list | None
    packing: int = 1

    @classmethod
    def of(cls, generator, discriminator, latent_prior=None, num_classes=None):
        """Reads the contract of two built networks, and checks that they fit each other.

        Args:
            generator: A `Generator`, or a functional or sequential Keras model.
            discriminator: A `Discriminator`, or a functional or sequential Keras model.
            latent_prior: The prior of a generator that declares none.
            num_classes: The number of classes of networks that declare none.

        Returns:
            `Pair`.

        Raises:
            ValueError: If the networks do not fit each other or the arguments.
        """
        g_inputs, g_output = _shapes("generator", generator)
        d_inputs, d_output = _shapes("discriminator", discriminator)
        image_shape = g_output[1:]
        if len(g_inputs[0]) != 2 or g_inputs[0][1] is None:
            raise ValueError(
                "The generator must take latents of shape (batch, latent_dim). "
                f"Received: a generator that takes {g_inputs[0]}"
            )
        declared = getattr(generator, "image_shape", image_shape)
        if tuple(declared) != image_shape:
            raise ValueError(
                f"The generator must return images of its declared shape {tuple(declared)}. "
                f"Received: a generator that returns {image_shape}"
            )
        if d_inputs[0][1:] != image_shape:
            raise ValueError(
                "The discriminator must take the images that the generator makes, of shape "
                f"{image_shape}. Received: a discriminator for shape {d_inputs[0][1:]}"
            )
        _check_logits(d_output)
        conditional = len(g_inputs) == 2
        if len(d_inputs) != len(g_inputs):
            raise ValueError(
                "Generator and discriminator must both take labels, or neither. Received: a generator with "
                f"{len(g_inputs)} and a discriminator with {len(d_inputs)} inputs"
            )
        counts = [getattr(network, "num_classes", None) for network in (generator, discriminator)]
        known = {count for count in [*counts, num_classes] if count is not None}
        if len(known) > 1:
            raise ValueError(
                "Generator, discriminator and `num_classes` must agree on the number of classes. Received: "
                f"generator {counts[0]}, discriminator {counts[1]}, num_classes={num_classes}"
            )
        if conditional != bool(known):
            raise ValueError(
                "Networks that take labels need a number of classes (pass `num_classes=` for plain Keras models), "
                f"and others have none. Received: networks with {len(g_inputs)} inputs, num_classes={num_classes}"
            )
        prior = getattr(generator, "latent_prior", None)
        if None not in (prior, latent_prior) and prior != latent_prior:
            raise ValueError(
                f"`latent_prior` is for generators that declare none, and this one declares the prior {prior!r}. "
                f"Received: latent_prior={latent_prior!r}"
            )
        return cls(
            image_shape=image_shape,
            latent_dim=g_inputs[0][1],
            latent_prior=latents.check_prior(prior or latent_prior or "normal"),
            num_classes=known.pop() if known else None,
            class_names=getattr(generator, "class_names", None),
            packing=getattr(discriminator, "packing", 1),
        )


def check_translation(generator, discriminator, role="generator", paired=False):
    """Checks that a translator and the discriminator of what it makes fit each other.

    Args:
        generator: A `keras_gan.networks.Translator`.
        discriminator: A `Discriminator`, or a functional or sequential Keras model.
        role: What the translator is called in errors.
        paired: Whether the discriminator may take `[images, sources]`.

    Returns:
        Whether it does.

    Raises:
        ValueError: If they do not.
    """
    if not isinstance(generator, networks.Translator):
        raise ValueError(f"`{role}` must be a keras_gan.networks.Translator. Received: {role}={generator!r}")
    made = tuple(generator.compute_output_spec(generator.symbolic_inputs()).shape)[1:]
    if made != tuple(generator.image_shape):
        raise ValueError(
            f"`{role}` must return images of its declared shape {tuple(generator.image_shape)}. "
            f"Received: a translator that returns {made}"
        )
    taken, output = _shapes("discriminator", discriminator)
    expected = [made] if not paired else [made, tuple(generator.source_shape)]
    if [shape[1:] for shape in taken] not in ([made], expected):
        also = f", and then {expected[1]}, the sources" if paired else ""
        raise ValueError(
            f"The discriminator of `{role}` must take the images that it makes, of shape {made}{also}. "
            f"Received: a discriminator for shapes {[shape[1:] for shape in taken]}"
        )
    _check_logits(output)
    return len(taken) == 2


def _check_logits(shape):
    """Refuses what is neither one logit per image nor a map of logits of its patches."""
    if shape[1:] not in ((), (1,)) and (len(shape) != 4 or shape[-1] != 1 or None in shape[1:]):
        raise ValueError(
            "The discriminator must return one logit per image, of shape (batch, 1), or a map of logits of its "
            f"patches, of shape (batch, rows, columns, 1). Received: a discriminator that returns {shape}"
        )


def _shapes(role, network):
    """Input shapes, of which the first is the latents' or images', and the output shape."""
    if hasattr(network, "symbolic_inputs"):
        inputs = network.symbolic_inputs()
        output = network(inputs)
        shapes = [tuple(tensor.shape) for tensor in (inputs if isinstance(inputs, list) else [inputs])]
        return shapes, tuple(output.shape)
    if not isinstance(network, keras.Model) or not getattr(network, "inputs", None):
        raise ValueError(
            f"The {role} must be a keras_gan.networks.{role.capitalize()}, or a functional or sequential Keras "
            f"model with known input shapes. Received: {role}={network!r}"
        )
    if len(network.inputs) > 2 or len(network.outputs) != 1:
        raise ValueError(
            f"The {role} must have one or two inputs and one output. "
            f"Received: {len(network.inputs)} inputs and {len(network.outputs)} outputs"
        )
    return [tuple(tensor.shape) for tensor in network.inputs], tuple(network.outputs[0].shape)
