"""The data that reaches a training step: unpacked, split for several discriminator steps, and checked."""

import contextlib
import math
import re
import warnings

import keras
import tensorflow as tf

# Rounding in an interpolation may leave [-1, 1] by this much; a wrong scale leaves it by far more.
_SLACK = 1e-3
_BEGIN, _END = "keras_gan:", ":nag_sarek"


def unpack(data, model):
    """Images and labels of one batch; labels are `None` for an unconditional model.

    Args:
        data: `images` or `(images, labels)`; for a model that translates `(sources, targets)`.
        model: The model.

    Returns:
        The pair of float32 images and int32 labels or `None`; for a model that translates of two float32 batches.

    Raises:
        ValueError: If the batch is not what the model takes.
    """
    images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
    if weights is not None:
        raise ValueError("A GAN has no use for sample weights. Received: a batch with sample weights")
    check_element(images, labels, model)
    if _translates(model):
        return tf.cast(images, tf.float32), tf.cast(labels, tf.float32)
    if model.num_classes is None:
        return tf.cast(images, tf.float32), None
    return tf.cast(images, tf.float32), tf.cast(tf.reshape(labels, [-1]), tf.int32)


def _translates(model):
    """True of a model whose elements are two batches of images."""
    return getattr(model, "source_shape", None) is not None


def check_element(images, labels, model):
    """Checks shapes and dtypes of a batch, or of the specification of one.

    Raises:
        ValueError: If images have another shape than the networks, are not floats, or labels are missing.
    """
    if _translates(model):
        if not hasattr(images, "shape") or not hasattr(labels, "shape"):
            raise ValueError(
                "Expected batches of two kinds of images: (sources, targets), or images of either domain. "
                f"Received: {type(images).__name__} and {type(labels).__name__}"
            )
        _check_images(images, model.source_shape, "first images, those that are translated,")
        _check_images(labels, model.image_shape, "second images")
        return
    if not hasattr(images, "shape") or not hasattr(images, "dtype"):
        raise ValueError(f"Expected batches `images` or `(images, labels)`. Received: {type(images).__name__}")
    _check_images(images, model.image_shape, "images")
    if model.num_classes is not None:
        check_labels(labels, model.num_classes)


def _check_images(images, expected, what):
    shape = tf.TensorShape(images.shape)
    if shape.rank is None or tuple(shape[1:]) != tuple(expected):
        raise ValueError(
            f"Expected {what} of shape (batch, {', '.join(map(str, expected))}), as the networks have. "
            f"Received: images of shape {shape}"
        )
    dtype = tf.as_dtype(images.dtype)
    if not dtype.is_floating:
        raise ValueError(
            f"Expected float images in [-1, 1]: scale uint8 ones by x / 127.5 - 1. Received: dtype {dtype.name}"
        )


def check_labels(labels, num_classes):
    """Checks shape and dtype of the labels of a batch, or of the specification of one.

    Raises:
        ValueError: If they are missing, or not integers, one for each row.
    """
    if labels is None:
        raise ValueError(
            f"The networks are conditional on {num_classes} classes and need batches (images, labels). "
            "Received: images alone"
        )
    if not hasattr(labels, "shape") or not hasattr(labels, "dtype"):
        raise ValueError(f"Expected integer labels of shape (batch,). Received: {type(labels).__name__}")
    shape, dtype = tf.TensorShape(labels.shape), tf.as_dtype(labels.dtype)
    if not dtype.is_integer or (shape.rank is not None and tuple(shape[1:]) not in ((), (1,))):
        raise ValueError(f"Expected integer labels of shape (batch,). Received: dtype {dtype.name}, shape {shape}")


def split(images, labels, parts):
    """Splits a batch into parts of rows j, j + parts, j + 2 parts, ...

    Interleaved, so that the parts hold the same examples whichever way replicas share the batch.

    Args:
        images: `(batch, ...)`.
        labels: `(batch,)` or `None`.
        parts: Number of parts, which divides the batch.

    Returns:
        List of pairs `(images, labels)`.

    Raises:
        ValueError: If the batch size is known and not divisible.
    """
    if parts == 1:
        return [(images, labels)]
    check_divisible(images.shape[0], parts)
    return [(images[j::parts], None if labels is None else labels[j::parts]) for j in range(parts)]


def whole_packs(images, labels, packing):
    """A batch without the last rows that fill no pack.

    Args:
        images: `(batch, ...)`.
        labels: `(batch,)` or `None`.
        packing: Images that the discriminator judges together.

    Returns:
        The pair `(images, labels)`.

    Raises:
        ValueError: If the batch size is known and smaller than a pack.
    """
    if packing == 1:
        return images, labels
    if images.shape[0] is not None and images.shape[0] < packing:
        raise ValueError(
            f"The discriminator judges packing={packing} images at once. Received: a batch of {images.shape[0]}"
        )
    rows = tf.shape(images)[0] // packing * packing
    return images[:rows], None if labels is None else labels[:rows]


def check_divisible(size, parts, replicas=1, packing=1):
    """Refuses a batch size that `replicas * discriminator_steps * packing` does not divide; an unknown one passes."""
    if size is not None and size % (parts * replicas * packing):
        raise ValueError(
            f"{_shares(parts, replicas, packing)}, so its size must be divisible by {parts * replicas * packing}. "
            f"Received: a batch of {size}"
        )


def _shares(parts, replicas, packing):
    each = f" on each of {replicas} replicas" if replicas > 1 else ""
    packs = f" of packs of packing={packing} images" if packing > 1 else ""
    return f"A batch is split into discriminator_steps={parts} equal parts{each}{packs}"


def check_fit(x, y, batch_size, steps_per_epoch, model, validation_split=None):
    """Checks what can be known of training data before the first batch is read.

    Args:
        x: What `fit` received as data, or as validation data with `steps_per_epoch=None`.
        y: What `fit` received as labels.
        batch_size: What `fit` received.
        steps_per_epoch: What `fit` received.
        model: The `GAN`, compiled.
        validation_split: What `fit` received: the share of an array's last rows that is not trained on, or `None`.

    Raises:
        ValueError: If training would fail, at once or at the end of the epoch.
    """
    parts, packing, executed = model.discriminator_steps, model.packing, model.steps_per_execution
    replicas = model.distribute_strategy.num_replicas_in_sync
    if isinstance(x, tf.data.Dataset):
        check_spec(x, model)
        size = _images_of(x.element_spec).shape[0]
        if size is None and parts * replicas * packing > 1:
            raise ValueError(
                f"{_shares(parts, replicas, packing)}, so batches must be of one size: "
                "use dataset.batch(size, drop_remainder=True). Received: a dataset of batches of unknown size"
            )
        check_divisible(size, parts, replicas, packing)
        batches = steps_per_epoch or int(x.cardinality())
    elif hasattr(x, "shape") and x.shape:
        check_element(x, y, model)
        size, n = batch_size or 32, math.floor(int(x.shape[0]) * (1.0 - (validation_split or 0.0)))
        for rows in (min(size, n), n % size):
            check_divisible(rows, parts, replicas, packing)
        batches = steps_per_epoch or -(-n // size)
    else:
        return
    if batches > 0 and batches % executed:
        raise ValueError(
            f"The number of batches per epoch must be divisible by steps_per_execution={executed}: choose a divisor, "
            f"or a dataset that repeats and a multiple as steps_per_epoch. Received: {batches} batches per epoch"
        )


def check_spec(dataset, model):
    """`check_element` of a dataset's specification."""
    spec = dataset.element_spec
    labels = spec[1] if isinstance(spec, tuple) and len(spec) > 1 else None
    check_element(_images_of(spec), labels, model)


def _images_of(spec):
    return spec[0] if isinstance(spec, tuple) else spec


def assertions(data, first, training, model):
    """Assertions about a batch: images in [-1, 1] where `first`; labels in range and whole minibatches always.

    Whatever is to see none but a right batch has to wait for them. `plain_errors` makes one sentence of their
    failure. Images that lie in [0, 1] are warned of, once for a model: they may be what they should, and seldom are.

    Args:
        data: `images` or `(images, labels)`.
        first: Boolean scalar tensor: whether to look at the images.
        training: Whether the batch is for a training step, which takes it apart.
        model: The `GAN`.

    Returns:
        List of operations.

    Raises:
        ValueError: If shapes and dtypes are wrong already.
    """
    images, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
    check_element(images, labels, model)
    found = []
    if images.shape[0] is None:
        found.append(_row_assertion(tf.shape(images)[0], training, model))
    found += [
        _range_assertion(batch, first, model)
        for batch in ([images, labels] if _translates(model) else [images])
        if len(batch.shape) == 4
    ]
    if model.num_classes is not None:
        found.append(label_assertion(labels, model.num_classes))
    return found


def _range_assertion(images, first, model):
    """The assertion that images lie in [-1, 1], where `first`."""

    def look():
        tf.numpy_function(warn_of_range, [tf.reduce_min(images), tf.reduce_max(images)], [])
        return tf.cast(tf.reduce_max(tf.abs(images)), tf.float32)

    def warn_of_range(low, high):
        if 0 <= low < high <= 1 + _SLACK and not getattr(model, "range_was_warned_of", False):
            model.range_was_warned_of = True
            warnings.warn(
                f"Images are expected in [-1, 1], and the first batch lies in [{low:.3g}, {high:.3g}]: scale "
                "images in [0, 1] by 2 * x - 1.",
                stacklevel=1,
            )

    worst = tf.cond(first, look, lambda: 0.0)
    return assertion(worst <= 1 + _SLACK, "Expected images in [-1, 1]. Received: values as large as {}", worst)


def _row_assertion(rows, training, model):
    """The assertion that a batch, whose size is known only now, holds what one step takes."""
    if not training:
        sentence = f"Expected a batch of at least packing={model.packing} images. Received: a batch of {{}}"
        return assertion(rows >= model.packing, sentence, rows)
    parts = getattr(model, "discriminator_steps", 1)
    sentence = (
        f"{_shares(parts, 1, model.packing)}, so its size must be divisible by {parts * model.packing}. "
        "Received: a batch of {}"
    )
    return assertion(tf.logical_and(rows > 0, rows % (parts * model.packing) == 0), sentence, rows)


def label_assertion(labels, num_classes):
    """The assertion that labels lie in `[0, num_classes)`."""
    low, high = tf.reduce_min(labels), tf.reduce_max(labels)
    sentence = f"Expected labels in [0, {num_classes}). Received: labels between {{}} and {{}}"
    return assertion(tf.logical_and(low >= 0, high < num_classes), sentence, low, high)


def assertion(condition, sentence, *values):
    """An operation that fails unless a condition holds; `plain_errors` makes its sentence an error of its own.

    Args:
        condition: Boolean scalar tensor.
        sentence: What was expected and what came, with `{}` for each of the values.
        *values: Scalar tensors.

    Returns:
        An operation, or `None` where it ran at once.
    """
    return tf.debugging.Assert(condition, [tf.strings.format(_BEGIN + sentence + _END, values)])


@contextlib.contextmanager
def plain_errors():
    """Turns a failed one of the `assertions`, or a file of the data that fails, into a `ValueError` of one sentence."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        # The second is what TensorFlow makes of a `keras_gan.data.sources.ReadError` within a dataset.
        sentence = re.search(f"{_BEGIN}(.*?){_END}|ReadError: (.*)", str(error))
        if sentence is None:
            raise
        raise ValueError(sentence[1] or sentence[2]) from None


_INSTEAD = {
    "optimizer": "there are two: pass generator_optimizer= and discriminator_optimizer=",
    "metrics": "pass callbacks.Evaluate to fit, which judges what the generator makes",
    "loss_weights": "pass regularizers with weights as discriminator_regularizers= and generator_regularizers=",
}


def check_compile_arguments(unknown):
    """Refuses arguments that `GAN.compile` has not; of an ordinary model's it says what to pass instead.

    Args:
        unknown: Dictionary of the arguments that are left over.

    Raises:
        ValueError: If one belongs to `keras.Model.compile`.
        TypeError: If there are others.
    """
    for name, value in unknown.items():
        if name in _INSTEAD:
            raise ValueError(f"A GAN is compiled without `{name}`: {_INSTEAD[name]}. Received: {name}={value!r}")
        raise TypeError(f"GAN.compile() has no argument {name!r}.")


_REFUSED = {
    keras.callbacks.LearningRateScheduler: (
        "there are two optimizers: give each a schedule of keras.optimizers.schedules as its learning_rate"
    ),
    keras.callbacks.ReduceLROnPlateau: (
        "there are two optimizers: give each a schedule of keras.optimizers.schedules as its learning_rate"
    ),
    keras.callbacks.SwapEMAWeights: "the average is part of the model: use GAN(..., ema_momentum=)",
    keras.callbacks.OrbaxCheckpoint: "use keras.callbacks.ModelCheckpoint or BackupAndRestore",
}


def check_path(path, weights=False):
    """Refuses to save a model to a file of another kind than Keras' own.

    Args:
        path: Where to, possibly with fields to be filled in.
        weights: Whether weights alone are saved.

    Raises:
        ValueError: If the name does not end in `.keras`, or `.weights.h5` for weights alone.
    """
    ending = ".weights.h5" if weights else ".keras"
    if not str(path).endswith(ending):
        raise ValueError(
            f"A model of two networks is saved to a file that ends in {ending}; HDF5 files and SavedModels hold none. "
            f"Received: {path}"
        )


def check_end(dataset, steps, name, steps_name):
    """Refuses a dataset without end where nobody says how much of it is wanted.

    Args:
        dataset: What `fit` or `evaluate` received as data.
        steps: How many batches of it are wanted, or `None` for all.
        name: What the dataset is called in the error.
        steps_name: The argument that says how many.

    Raises:
        ValueError: If it would never return.
    """
    endless = isinstance(dataset, tf.data.Dataset) and int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY
    if steps is None and endless:
        raise ValueError(
            f"The {name} repeat for ever: pass {steps_name}=, the number of batches that are wanted. "
            f"Received: {steps_name}=None"
        )


def check_callbacks(callbacks):
    """Refuses callbacks that would fail, or silently do nothing, on a model with two optimizers.

    Args:
        callbacks: What `fit` received: `None`, a callback or a list of them.

    Raises:
        ValueError: If one does not make sense here; it says what to use instead.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    elif not isinstance(callbacks, (list, tuple)):
        callbacks = [callbacks] if callbacks else []
    for callback in callbacks:
        name = type(callback).__name__
        for refused, instead in _REFUSED.items():
            if isinstance(callback, refused):
                raise ValueError(f"{name} does not work with a GAN: {instead}. Received: callback={name}")
        if isinstance(callback, keras.callbacks.TensorBoard) and callback.write_steps_per_second:
            raise ValueError(
                "TensorBoard(write_steps_per_second=True) reads the iterations of a single optimizer, and a GAN has "
                "two: leave it False. Received: write_steps_per_second=True"
            )
        if isinstance(callback, keras.callbacks.ModelCheckpoint):
            check_path(callback.filepath, weights=callback.save_weights_only)
        if isinstance(callback, keras.callbacks.BackupAndRestore) and callback.save_freq != "epoch":
            raise ValueError(
                "BackupAndRestore restarts an interrupted epoch from its first batch, so a backup within an epoch "
                f"trains some batches twice: use save_freq='epoch'. Received: save_freq={callback.save_freq}"
            )
