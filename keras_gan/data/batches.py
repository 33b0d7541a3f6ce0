"""Orders of examples, and batches of them, as `tf.data` reads them."""

import itertools

import numpy as np
import tensorflow as tf

from keras_gan.data import sources
from keras_gan.files import pictures


def keys_of(seed, places):
    """Keys of the random changes of each example: the seed, and its place in the order."""
    seed = tf.fill(tf.shape(places), tf.constant(_as_int64(seed), tf.int64))
    # Negative, so that no example shares a key with the order of an epoch.
    return tf.stack([seed, -1 - places], axis=1)


def _as_int64(seed):
    return (int(seed) + 2**63) % 2**64 - 2**63


def order(num_examples, shuffle, seed, repeat, first):
    """The stream of indices and their places in it: one permutation after another, or the next in each iteration."""
    seed = _as_int64(seed)

    def permutation(epoch):
        indices = tf.range(num_examples, dtype=tf.int64)
        if shuffle:
            pair = tf.stack([tf.constant(seed, tf.int64), epoch])
            indices = tf.random.experimental.stateless_shuffle(indices, pair, alg="philox")
        places = epoch * num_examples + tf.range(num_examples, dtype=tf.int64)
        return tf.data.Dataset.from_tensor_slices((indices, places))

    if repeat:
        epochs = tf.data.Dataset.range(first // num_examples, tf.int64.max)
        return epochs.flat_map(permutation).skip(first % num_examples)
    epochs = itertools.count()
    this_epoch = tf.data.Dataset.range(1).map(
        lambda _: tf.ensure_shape(tf.numpy_function(lambda: next(epochs), [], tf.int64), ())
    )
    return this_epoch.flat_map(permutation)


def part_of(order, batch_size, part):
    """The indices and places of one part of every batch: what another worker has is never read here.

    Args:
        order: What `order` returned.
        batch_size: Examples in a whole batch; what does not fill one is left out.
        part: Pair of the number of a part, and of all contiguous parts that a batch has.

    Returns:
        `tf.data.Dataset` like `order`.
    """
    number, parts = part
    own = batch_size // parts
    here = slice(number * own, (number + 1) * own)
    return (
        order.batch(batch_size, drop_remainder=True).map(lambda *batch: tuple(each[here] for each in batch)).unbatch()
    )


def in_order(source, order, batch_size, drop_remainder, finish):
    """Batches in the given order, as `finish` makes them of raw images, labels and places."""
    if source.images is not None:
        images, labels = _tensor(source.images), _tensor(source.labels)
        chosen = order.batch(batch_size, drop_remainder)
        return chosen.map(
            lambda indices, places: finish(tf.gather(images, indices), tf.gather(labels, indices), places)
        )

    def read(index):
        image, label = source.read(index)
        return image, np.int32(label)

    def example(index, place):
        image, label = tf.numpy_function(read, [index], (tf.uint8, tf.int32))
        return tf.ensure_shape(image, source.image_shape), tf.ensure_shape(label, ()), place

    examples = order.map(example, num_parallel_calls=sources.THREADS, deterministic=True)
    return examples.batch(batch_size, drop_remainder).map(finish)


def _tensor(array):
    """A CPU tensor with a copy of an array; `tf.constant` would make two, and take several times as long."""
    alignment = 64  # TensorFlow requires it of memory that it takes over
    buffer = np.empty(array.nbytes + alignment, np.uint8)
    start = -buffer.ctypes.data % alignment
    aligned = buffer[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    aligned[...] = array
    return tf.experimental.dlpack.from_dlpack(aligned.__dlpack__())


def scale(images):
    """[0, 255] to [-1, 1]; floats have their range already."""
    return pictures.tensor_from_uint8(images) if images.dtype == tf.uint8 else images


def options():
    """Options of every dataset."""
    options = tf.data.Options()
    options.deterministic = True
    # The autotuner's thread can delay the end of an iterator by up to a minute.
    options.autotune.enabled = False
    # Rewriting the graph would copy the tensors that it captures: all images once more.
    options.experimental_optimization.apply_default_optimizations = False
    # Several workers share out the batches; there are no files to share out.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options
