"""The last words of a finished run: what it left, and which commands to run next."""

import shlex

from keras_gan import metrics
from keras_gan.callbacks import samples
from keras_gan.metrics import records
from trainers.engine import flags


def text(run, step, seconds, verdict=""):
    """Says what was made and which commands to run next.

    Args:
        run: `trainers.engine.run.Run`, whose results are written.
        step: Training steps so far.
        seconds: Time that took, from the start of the process or processes.
        verdict: What `report.write_metrics` returned; empty without an evaluation.

    Returns:
        Several lines of text.
    """
    folder = run.folder
    which = "the best of those that were evaluated" if verdict else "the last; none was evaluated"
    lines = [
        "",
        f"Trained {step} steps in {int(seconds // 60)} min {int(seconds % 60)} s; all of it is in {folder}:",
        f"  samples.png, progress.gif  {_pictures(run)}, at the end and along the way",
        f"  generator.keras            the generator to use ({which}): keras.models.load_model after import keras_gan",
        f"  {folder.model_file(run.model).name:<26} all networks and optimizers",
        "  curves.png                 curves; docs/quantities.md says what each number is and how it should look",
        f"  logs/                      more of them: tensorboard --logdir={shlex.quote(str(folder.logs))}",
    ]
    diagnosis = run.own.diagnosis()
    if diagnosis:
        lines.append(f"  diagnosis.txt              what the watchdog said; last: {diagnosis[0]}")
    if verdict:
        lines.append(
            "  metrics.json               how good it is, and was along the way; generator_last.keras is the last"
        )
        lines += [verdict, records.FLOOR] if "floor" in verdict else [verdict]
    return "\n".join([*lines, "Next:", *(f"  {shlex.join(command)}" for command in next_commands(run))])


def _pictures(run):
    if not run.translates:
        return "pictures of the same latents"
    last = "way back" if "generator_backward" in run.model.samplers else "target"
    return f"source, output and {last} of the same pictures"


def next_commands(run):
    """The commands that make something new of a run, each a list of words; none that would fail."""
    folder = run.folder
    model = f"--model={folder.generator_file}"
    commands = []
    if run.translates:
        source = [f"--source={run.config.source}"] if getattr(run.config, "source", "") else []
        commands.append(["trainers.translate", model, "--input=FOLDER", "--out=translated", *source])
        commands.append(["trainers.evaluate", model, *(["--overwrite"] if folder.evaluation.exists() else [])])
    elif len(run.spec.image_shape) == 3:
        first = samples.grid_size(run.model)  # the grids show the seeds before
        commands.append(["trainers.sample", model, "--n=64", f"--seed={first}", *_out(folder.path / "more.png")])
        commands += _evaluation(run, model)
    commands.append(["export.saved_model", model, "--publish=served/generator"])
    commands.append(["export.tflite", model, *_out(folder.path / "generator.tflite")])
    return [["python", "-m", *command] for command in commands]


def _out(path):
    return [f"--out={path}", *(["--overwrite"] if path.exists() else [])]


def _evaluation(run, model):
    """The command that evaluates, where a network is known to see the images through."""
    folder, config = run.folder, run.config
    automatic = metrics.features.automatic(config.dataset, run.spec.image_shape)
    own = [] if config.features in ("auto", "none", automatic) else [f"--features={config.features}"]
    if not own and automatic is None:
        return []
    split = [] if flags.find_held_out(config) else ["--split=train"]
    again = ["--overwrite"] if folder.evaluation.exists() else []
    return [["trainers.evaluate", model, *own, *split, *again]]
