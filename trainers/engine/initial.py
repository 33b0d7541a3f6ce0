"""The weights that a new run begins with: those of a trained network, layer by layer as far as they fit."""

from keras_gan import serialization
from keras_gan.export import loading


def take_weights(model, init):
    """Gives a new model the weights of a trained one, where layers of the same name and shape are.

    The generator, and its average, begin as what the trained model samples with; the discriminator, or encoder, is new
    unless a whole model has one. Optimizers begin anew.

    Args:
        model: The compiled model, a `keras_gan.models.base.GenerativeModel`.
        init: `preset:NAME`, or the path of a `.keras` file.

    Returns:
        Lines of text that say which layers were taken and which are new.

    Raises:
        ValueError: If there is no such model, it makes images of another shape, or nothing of it fits.
    """
    if hasattr(model, "translate"):
        raise ValueError(f"--init is for models that make images of latents. Received: --init={init}")
    given = _whole(init)
    source = loading.load_generator(given)
    if tuple(source.image_shape) != tuple(model.image_shape):
        size = "x".join(map(str, source.image_shape[:2]))
        raise ValueError(
            f"--init must be a model of images like the data: pass --image_size={size} --channels="
            f"{source.image_shape[-1]}, or another model. Received: {init} of shape {tuple(source.image_shape)}, data "
            f"of shape {tuple(model.image_shape)}"
        )
    taken, new = _copy(source, model.generator)
    if not taken:
        raise ValueError(
            f"No layer of {init}, a {type(source).__name__}, fits the {type(model.generator).__name__} of this recipe: "
            f"pass the sizes that it was trained with, such as --filters. Received: --init={init}"
        )
    if (average := getattr(model, "ema_generator", None)) is not None:
        average.set_weights(model.generator.get_weights())
    lines = [_say("generator", taken, new)]
    for role, network in model.networks.items():
        if role != "generator":
            trained = getattr(given, role, None)
            taken, new = (
                ([], _layers(network)) if trained is None else _copy(serialization.in_float32(trained), network)
            )
            lines.append(_say(role, taken, new))
    return [f"Beginning with {init}:", *(f"  {line}" for line in lines)]


def _whole(init):
    if init.startswith("preset:"):
        return loading.load_generator(init)
    return loading.load_model(init)


def _copy(source, network):
    """Copies what fits into a network; returns the names of its layers that were taken whole, and of the others."""
    weights, found = serialization.named_weights(source), {}
    for name, weight in serialization.named_weights(network).items():
        fits = name in weights and weights[name].shape == weight.shape
        found.setdefault(name.rpartition("/")[0], []).append((weight, weights[name] if fits else None))
    taken = [layer for layer, pairs in found.items() if all(theirs is not None for _, theirs in pairs)]
    for layer in taken:
        for ours, theirs in found[layer]:
            ours.assign(theirs.numpy())
    return taken, [layer for layer in found if layer not in taken]


def _layers(network):
    return list(dict.fromkeys(name.rpartition("/")[0] for name in serialization.named_weights(network)))


def _say(role, taken, new):
    if not taken:
        return f"{role}: new"
    return f"{role}: {len(taken)} layers taken ({', '.join(taken)})" + (f", new: {', '.join(new)}" if new else "")
