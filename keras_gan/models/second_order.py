"""Operations that a penalty on input gradients cannot be differentiated through, found before training.

The derivative of such a penalty is a second derivative of the discriminator. TensorFlow gets some of them wrong, and no
error says so: `tf.nn.moments` stops a gradient that is zero to first order only, and bilinear resizing drops one.
"""

import re
import types
import warnings

import keras
import tensorflow as tf

from keras_gan import augmentation, layers
from keras_gan.models.critic import Critic

_WRONG = "TensorFlow's second derivative through its operation {} is not the true one"
_MISSING = "TensorFlow has no second derivative of its operation {}"
_ASSIGNS = "it changes its weights in each forward pass ({}), and the derivative is not that of what they were before"
_RESIZING = "keras_gan.layers.UpSampling2D or keras_gan.layers.DownSampling2D"
_OUTSIDE = "a keras_gan.augmentation.Augmenter as the GAN's `augmenter`"
_ANOTHER = "operations that are differentiable twice"
# Types of operations whose value depends smoothly on their inputs and whose derivatives are wrong, or dropped in
# silence, and what to use instead. `benchmarks/second_order.py` compares layers with central differences.
_WRONG_OPERATIONS = {
    "StopGradient": "sums and means without a stopped gradient, of which `tf.nn.moments` has one,",
    "ResizeBilinear": _RESIZING,
    "ResizeBilinearGrad": _RESIZING,
    "ResizeBicubic": _RESIZING,
    "ResizeBicubicGrad": _RESIZING,
    "ImageProjectiveTransformV2": _OUTSIDE,
    "ImageProjectiveTransformV3": _OUTSIDE,
    "MaxPool3D": "strides that are not smaller than the pool, or keras.layers.AveragePooling3D",
    **dict.fromkeys(
        (
            "DrawBoundingBoxes", "ExtractGlimpse", "FakeQuantWithMinMaxArgsGradient", "FakeQuantWithMinMaxVarsGradient",
            "FakeQuantWithMinMaxVarsPerChannelGradient", "HSVToRGB", "LinSpace", "PyFunc", "PyFuncStateless",
            "RandomShuffle", "StatelessRandomShuffle", "XlaVariadicReduce",
        ),
        _ANOTHER,
    ),
}  # fmt: skip
# Stock layers of which this package has one that is right.
_INSTEAD = {
    keras.layers.LayerNormalization: layers.LayerNormalization,
    keras.layers.GroupNormalization: layers.GroupNormalization,
    keras.layers.BatchNormalization: layers.BatchNormalization,
    keras.layers.UpSampling2D: layers.UpSampling2D,
    keras.layers.SpectralNormalization: layers.SpectralNormalization,
}
_RIGHT_AUGMENTERS = (augmentation.AdaptiveAugment, augmentation.DiffAugment)
# Their outputs are floats that do not change with small changes of the input.
_CONSTANT = ("Ceil", "Floor", "OnesLike", "Rint", "Round", "Sign", "ZerosLike")
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")


def check(penalties, discriminator, image_shape, num_classes=None, augmenter=None, source_shape=None):
    """Refuses a discriminator that penalties on input gradients cannot be differentiated through.

    The discriminator is traced once, as a graph, with the derivative of the squared norm of its input gradients. On the
    paths from the images to the logits and to the input gradients there may be no operation that TensorFlow
    differentiates wrongly. Nothing is computed, and no weight changes.

    Args:
        penalties: The regularizers of a GAN.
        discriminator: Its discriminator.
        image_shape: The shape of an image.
        num_classes: The number of classes of a conditional GAN.
        augmenter: `None`, or the GAN's augmenter, which is part of every path. Those of this package are not looked
            at: they are right, and tracing them would take longer than the discriminator.
        source_shape: The shape of a source beside which the discriminator judges an image, or `None`.

    Raises:
        ValueError: If there is such an operation; it names the penalty, the layer, and what to use instead.

    Example:

    >>> norm = keras.layers.LayerNormalization(name="norm")
    >>> network = keras.Sequential([keras.Input((2,)), norm, keras.layers.Dense(1)])
    >>> try:
    ...     keras_gan.models.second_order.check([keras_gan.regularizers.R1()], network, (2,))
    ... except ValueError as error:
    ...     print(str(error).split(", because ")[0])
    The gradient penalty 'r1' would be silently wrong with the layer 'norm' (LayerNormalization)
    """
    _check_differences(penalties, discriminator, image_shape, num_classes, source_shape)
    penalty = next((r.name for r in penalties if r.uses_input_gradients), None)
    if penalty is None:
        return
    if type(augmenter) in _RIGHT_AUGMENTERS:
        augmenter = None
    traced = _trace(discriminator, image_shape, num_classes, augmenter, source_shape)
    roots = [root for root in (discriminator, augmenter) if root is not None]
    if traced.logits is None or not isinstance(traced.error, LookupError | None):
        # The step will meet the same error, unless it runs eagerly.
        warnings.warn(
            f"The gradient penalty {penalty!r} was not checked for operations that TensorFlow differentiates wrongly, "
            f"because its graph could not be traced: {' '.join(str(traced.error).split())}",
            stacklevel=3,
        )
        return
    found = _assignment(traced, discriminator) or _without_gradient(traced) or _wrong_operation(traced)
    if found is not None:
        operation, kind, reason = found
    elif traced.gradients is None:
        raise ValueError(
            f"The gradient penalty {penalty!r} needs logits that depend on the images, and these of the discriminator "
            f"{discriminator.name!r} do not. Received: regularizer={penalty!r}"
        )
    else:
        return
    layer = _layer(operation, traced, roots)
    ours = next((ours for theirs, ours in _INSTEAD.items() if isinstance(layer, theirs)), None)
    instead = f"keras_gan.layers.{ours.__name__}" if ours else _instead(kind)
    trouble = "cannot be computed" if reason is _MISSING else "would be silently wrong"
    raise ValueError(
        f"The gradient penalty {penalty!r} {trouble} with the layer {layer.name!r} ({type(layer).__name__}), because "
        f"{reason.format(kind)}: use {instead} instead. Received: regularizer={penalty!r}"
    )


def _check_differences(penalties, discriminator, image_shape, num_classes, source_shape):
    """Refuses a discriminator whose logits of two images differ by more than the images, for penalties that compare."""
    penalty = next((r.name for r in penalties if r.uses_differences), None)
    if penalty is None:
        return
    traced = _trace(discriminator, image_shape, num_classes, None, source_shape)
    operation = _random(traced) or next(iter(_assignment(traced, discriminator) or ()), None)
    if operation is not None:
        layer = _layer(operation, traced, [discriminator])
        raise ValueError(
            f"The penalty {penalty!r} by finite differences would measure what the layer {layer.name!r} "
            f"({type(layer).__name__}) changes from one forward pass to the next: use method='exact', or a "
            f"discriminator without that layer. Received: regularizer={penalty!r}"
        )


def _random(traced):
    """An operation of the forward pass that draws random numbers, or `None`."""
    for operation in traced.graph.get_operations()[: traced.forward]:
        graphs = [operation.graph._get_function(name).graph for name in _function_names(operation)]
        inner = [other for graph in graphs for other in graph.get_operations()]
        if any("Random" in other.type for other in (operation, *inner)):
            return operation
    return None


def _instead(kind):
    if kind.startswith("Assign"):
        return "weights that only an optimizer changes"
    return _RESIZING if kind.startswith(("Resize", "ScaleAndTranslate")) else _WRONG_OPERATIONS.get(kind, _ANOTHER)


def _trace(discriminator, image_shape, num_classes, augmenter, source_shape):
    """The graph of a step's penalty: `images`, `logits`, `gradients`, the number of operations of the forward pass.

    What an error left out is `None`; `error` is that error.
    """
    traced = types.SimpleNamespace(images=None, logits=None, gradients=None, graph=None, forward=0, error=None)
    specs = [tf.TensorSpec((None, *image_shape), tf.float32)]
    if num_classes is not None:
        specs.append(tf.TensorSpec((None,), tf.int32))
    if source_shape is not None:
        specs.append(tf.TensorSpec((None, *source_shape), tf.float32))
    seed = tf.zeros(2, tf.int64)

    def augment(batches):
        return [augmenter(images, seed) for images in batches]

    def function(images, *condition):
        labels, sources = condition[: num_classes is not None], condition[num_classes is not None :]
        critic = Critic(discriminator, *labels or [None], augmenter and augment, sources=next(iter(sources), None))
        variables = [_local(variable) for variable in discriminator.trainable_variables]
        traced.images, traced.graph = images, images.graph
        try:
            with tf.GradientTape() as tape:
                tape.watch(images)
                traced.logits = critic(images)
                traced.forward = len(images.graph.get_operations())
                traced.gradients = critic.input_gradients(images)
                penalty = 0.0 if traced.gradients is None else tf.reduce_sum(tf.square(traced.gradients))
            if traced.gradients is not None:
                tape.gradient(penalty, [images, *variables])
        except Exception as error:
            traced.error = error

    tf.function(function).get_concrete_function(*specs)
    # Those that the layers added are of this graph.
    discriminator._clear_losses()
    return traced


def _local(variable):
    """The TensorFlow variable of a Keras one, on this process's first device."""
    strategy = getattr(variable.value, "distribute_strategy", None)
    return variable.value if strategy is None else strategy.experimental_local_results(variable.value)[0]


def _assignment(traced, discriminator):
    """An operation of the forward pass that assigns to a weight which is trained, its type and the reason."""
    handles = {traced.graph.capture(_local(variable).handle).name for variable in discriminator.trainable_variables}
    for operation in traced.graph.get_operations()[: traced.forward]:
        if operation.type.startswith("Assign") and operation.inputs and operation.inputs[0].name in handles:
            return operation, operation.type, _ASSIGNS
    return None


def _wrong_operation(traced):
    """The first operation on the way that is differentiated wrongly, its type and the reason; or `None`."""
    targets = [tensor for tensor in (traced.logits, traced.gradients) if tensor is not None]
    operations = traced.graph.get_operations()
    weights = [tensor for tensor in traced.graph.inputs if tensor is not traced.images]
    needed = _needed(targets)
    # A stopped gradient of weights alone is meant; in what came of the gradients' computation it is not.
    for part, sources in (
        (operations[: traced.forward], [traced.images]),
        (operations[traced.forward :], [traced.images, *weights]),
    ):
        reached = _reached(operations, sources)
        for operation in part:
            if operation in needed and any(tensor.ref() in reached for tensor in operation.inputs):
                kind = _wrong_within(operation, reached, needed[operation])
                if kind is not None:
                    return operation, kind, _WRONG
    return None


def _reached(operations, sources):
    """References to the tensors that change with small changes of `sources`."""
    reached = {tensor.ref() for tensor in sources}
    for operation in operations:
        if operation.type not in _CONSTANT and any(tensor.ref() in reached for tensor in _arguments(operation)):
            reached.update(
                tensor.ref() for tensor in operation.outputs if not (tensor.dtype.is_integer or tensor.dtype.is_bool)
            )
    return reached


def _needed(targets):
    """The operations that tensors are computed by, and which of the outputs of each."""
    needed, waiting = {}, list(targets)
    while waiting:
        tensor = waiting.pop()
        if tensor.op not in needed:
            waiting.extend(_arguments(tensor.op))
        needed.setdefault(tensor.op, set()).add(tensor.value_index)
    return needed


def _arguments(operation):
    """The tensors that an operation is a function of, where derivatives are taken.

    Of a `tf.custom_gradient` these are its arguments, which come after its results and are used by nothing else.
    """
    if _has_custom_gradient(operation):
        pairs = zip(operation.inputs, operation.outputs, strict=True)
        unused = [x for x, y in pairs if all(other.type == "ZerosLike" for other in y.consumers())]
        return unused or operation.inputs
    return operation.inputs


def _has_custom_gradient(operation):
    return operation.type == "IdentityN" and "_gradient_op_type" in operation.node_def.attr


def _wrong_within(operation, reached, outputs):
    """The type of a wrong operation: this one, or one in the functions that it calls."""
    if operation.type in _WRONG_OPERATIONS:
        return operation.type if _is_wrong(operation) else None
    for name in _function_names(operation):
        graph = operation.graph._get_function(name).graph
        if operation.type in _CALLS:
            sources = [inner for inner, x in zip(graph.inputs, operation.inputs, strict=True) if x.ref() in reached]
            targets = [graph.outputs[index] for index in outputs]
        else:
            # A loop's values go around: whatever goes in may reach whatever comes out.
            sources, targets = graph.inputs, graph.outputs
        inner_reached, inner_needed = _reached(graph.get_operations(), sources), _needed(targets)
        for inner in graph.get_operations():
            if inner in inner_needed and any(tensor.ref() in inner_reached for tensor in inner.inputs):
                kind = _wrong_within(inner, inner_reached, inner_needed[inner])
                if kind is not None:
                    return kind
    return None


def _function_names(operation):
    for value in operation.node_def.attr.values():
        for function in (value.func, *value.list.func):
            if function.name and operation.graph._is_function(function.name):
                yield function.name


def _is_wrong(operation):
    if operation.type == "StopGradient":
        # A shift that the value does not depend on, so that nothing is lost.
        return "reducelogsumexp" not in operation.name.lower().replace("_", "")
    if operation.type == "MaxPool3D":
        # Where windows overlap, its gradients on processors vary from call to call.
        pool, strides = operation.get_attr("ksize"), operation.get_attr("strides")
        return any(size > stride for size, stride in zip(pool, strides, strict=True))
    return True


def _without_gradient(traced):
    """The operation that TensorFlow's `LookupError` is about, its type and the reason; `None` without such an error."""
    if traced.error is None:
        return None
    operations = traced.graph.get_operations()
    made = {operation.type: operation for operation in reversed(operations)}
    kind = next((word for word in re.findall(r"\w+", str(traced.error)) if word in made), None)
    return made.get(kind, traced.logits.op), kind or str(traced.error), _MISSING


def _layer(operation, traced, roots):
    """The innermost layer that made an operation, by the scopes in its name."""
    forward = traced.graph.get_operations()[: traced.forward]
    scopes = _scopes(operation)
    found = _by_scope(scopes, roots)
    if found is None and operation not in forward:
        # The gradient of a function: it takes what that computed. Or of a custom gradient, without a scope: the last
        # one before the layer that the gradient comes from.
        made = [tensor.op for tensor in operation.inputs if tensor.op in forward and tensor.op.inputs]
        after = [_scopes(tensor.op) for tensor in operation.inputs]
        first = next((i for i, op in enumerate(forward) if _scopes(op) in after), len(forward))
        made += [op for op in reversed(forward[:first]) if _has_custom_gradient(op)]
        found = next(filter(None, (_by_scope(_scopes(op), roots) for op in made)), None)
    return found or roots[0]


def _scopes(operation):
    return operation.name.removeprefix("gradient_tape/").split("/")[:-1]


def _by_scope(scopes, roots):
    found, among = None, roots
    for scope in scopes:
        # Keras opens a layer's scope to build it and again to call it, so that TensorFlow appends a number.
        names = (re.sub(r"_\d+$", "", scope), scope)
        layer = next((layer for name in names for layer in among if layer.name == name), None)
        if layer is not None:
            found, among = layer, list(layer._flatten_layers(include_self=False))
    return found
