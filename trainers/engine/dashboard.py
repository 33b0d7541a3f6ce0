"""The pages of TensorBoard that are about a run as a whole: its hyperparameters beside its final metrics, and texts."""

import contextlib

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.hparams import api_pb2, summary


def begin(folder):
    """Logs the configuration of a run: as hyperparameters, and as text.

    Args:
        folder: `RunFolder` with a configuration. What it says of the machine is left out.
    """
    config = folder.public_config()
    with _writing(folder, 0):
        numbers = {name: value for name, value in config.items() if isinstance(value, bool | int | float | str)}
        hparams.hparams(numbers, trial_id=folder.path.name)
        rows = [f"| {name} | `{value}` |" for name, value in config.items() if value != ""]
        tf.summary.text("run/configuration", "\n".join(["| flag | value |", "|---|---|", *rows]))


def end(folder, step, records, text):
    """Logs what a run came to: its final metrics, and its last words as text.

    Args:
        folder: `RunFolder`.
        step: Training steps of the run.
        records: `keras_gan.metrics.Record` of the generator that was kept; a list, which may be empty.
        text: The last words.
    """
    with _writing(folder, step):
        for record in records:
            tf.summary.scalar(f"final/{record.name}", record.value)
        indented = "\n".join(f"    {line}" for line in text.splitlines())  # as Markdown has what is to stay as it is
        tf.summary.text("run/summary", indented)
        done = summary.session_end_pb(api_pb2.STATUS_SUCCESS)
        tf.summary.experimental.write_raw_pb(done.SerializeToString(), step)


@contextlib.contextmanager
def _writing(folder, step):
    with contextlib.closing(tf.summary.create_file_writer(str(folder.logs))) as writer, writer.as_default(step):
        yield
