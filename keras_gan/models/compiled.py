"""The compiled functions that `fit` and `evaluate` call once or several steps at a time.

Keras' own fail with several replicas: several steps per execution under MirroredStrategy (keras#19246), and any
`fit` under MultiWorkerMirroredStrategy, where scalar logs cannot be reduced (tensorflow#72388).
"""

import contextlib
import itertools

import tensorflow as tf


def train_function(model):
    """A function of an iterator that trains for `steps_per_execution` steps and returns the last logs.

    Args:
        model: A compiled `keras_gan.models.base.GenerativeModel`.

    Returns:
        The function; its logs are means over replicas.
    """
    return _function(model, model.train_step, model.steps_per_execution, training=True)


def test_function(model):
    """A function of an iterator that evaluates up to `steps_per_execution` batches, as many as there are.

    Args:
        model: A compiled `keras_gan.models.base.GenerativeModel`.

    Returns:
        The function; its logs are means over replicas.
    """
    one_step = _function(model, model.test_step, 1, training=False)

    def function(iterator):
        logs = one_step(iterator)
        for _ in range(model.steps_per_execution - 1):
            try:
                logs = one_step(iterator)
            except (StopIteration, tf.errors.OutOfRangeError):
                break
        return logs

    return function


@contextlib.contextmanager
def equal_graphs():
    """Switches off, meanwhile, the rewriting of graphs that differs from process to process.

    Grappler's remapper fails on convolutions with bias and LeakyReLU, with an error message and at a node that
    varies, so that equal runs would get different graphs and end with different bits.
    """
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({**before, "remapping": False})
    try:
        yield
    finally:
        # It is on unless somebody switched it off.
        tf.config.optimizer.set_experimental_options({"remapping": True, **before})


def _function(model, step, steps, training):
    strategy = model.distribute_strategy
    if model.jit_compile and not model.run_eagerly:
        step = _compiled(step, jit_compile=True)

    def on_replica(data, first):
        # What XLA compiles for a TPU cannot hold assertions.
        if isinstance(strategy, tf.distribute.TPUStrategy):
            return step(data)
        # All of the step waits for its data and what is asserted of them. Some of it depends on neither, such as
        # counting steps, and would run with a refused batch, or once more at the end of the data.
        tensors = [tensor for tensor in tf.nest.flatten(data) if tensor is not None]
        with tf.control_dependencies(tensors + model.assertions(data, first, training)):
            return step(data)

    def on_data(data, first):
        logs = strategy.run(on_replica, args=(data, first))
        return {k: strategy.reduce(tf.distribute.ReduceOp.MEAN, v, axis=None) for k, v in logs.items()}

    def on_iterator(iterator, first):
        waited, got = tf.constant(0.0, tf.float64), []
        # Unrolled, so that n steps at once are bit-equal to n steps one by one.
        for _ in range(steps):
            with tf.control_dependencies(got):
                asked = tf.timestamp()
            with tf.control_dependencies([asked]):
                data = next(iterator)
            got = tf.nest.flatten(data, expand_composites=True)
            with tf.control_dependencies(got):
                waited += tf.timestamp() - asked
            logs = on_data(data, first)
            first = tf.constant(False)
        return logs, waited

    if not model.run_eagerly:
        on_iterator, on_data = _compiled(on_iterator), _compiled(on_data)

    def function(iterator):
        check, model.images_unchecked = tf.constant(model.images_unchecked), False
        if isinstance(iterator, (tf.data.Iterator, tf.distribute.DistributedIterator)):
            logs, waited = on_iterator(iterator, check)
            model.input_seconds += float(waited)
            return logs
        logs = on_data(next(iterator), check)
        for data in itertools.islice(iterator, steps - 1):
            logs = on_data(data, check)
        return logs

    return function


def _compiled(function, **options):
    return tf.function(tf.autograph.experimental.do_not_convert(function), reduce_retracing=True, **options)
