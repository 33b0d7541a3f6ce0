"""Curves, an animation and a summary, which a finished run leaves to look at."""

import json
from pathlib import Path

import keras
import numpy as np

from keras_gan import data
from keras_gan.files import atomic, history, pictures
from keras_gan.metrics import conditional


def read_history(folder):
    """The entries of `history.jsonl` as a dictionary of lists."""
    entries = history.read(Path(folder, "history.jsonl"))
    return {name: [entry.get(name) for entry in entries] for name in (entries[-1] if entries else ())}


def draw_curves(folder):
    """Draws `curves.png` from the run's histories: objectives, logits, penalties and evaluations against steps.

    Args:
        folder: Run folder.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    logged = read_history(folder)
    if not logged:
        return
    steps = logged.pop("step")
    plain = [n for n in logged if not n.startswith("val_") and not n.endswith("learning_rate") and n != "loss"]
    groups = {"objectives": ("d_loss", "g_loss", "reconstruction", "kl"), "logits": ("real_logits", "fake_logits")}
    known = [name for names in groups.values() for name in names]
    groups["penalties"] = [name for name in plain if name not in known]
    panels = [(title, [name for name in names if name in plain]) for title, names in groups.items()]
    panels = [(title, names) for title, names in panels if names]
    measured = history.read(Path(folder, "metrics.jsonl"))
    count = len(panels) + bool(measured)
    figure, axes = plt.subplots(1, count, figsize=(5 * count, 3.5), layout="constrained", squeeze=False)
    axes = axes[0]
    for name in measured[-1] if measured else ():
        if name != "step":
            axes[-1].plot([e["step"] for e in measured], [e[name] for e in measured], ".-", label=name)
    for axis, (title, names) in zip(axes, [*panels, ("evaluation", [])][:count], strict=True):
        for name in names:
            (line,) = axis.plot(steps, logged[name], label=name)
            if f"val_{name}" in logged:
                axis.plot(steps, logged[f"val_{name}"], ":", color=line.get_color(), label=f"{name}, held out")
        axis.set(title=title, xlabel="training step")
        axis.grid(alpha=0.3)
        axis.legend()
    with atomic.write_file(Path(folder, "curves.png")) as partial:
        figure.savefig(partial, dpi=110)
    plt.close(figure)


def write_metrics(folder, records, last_step):
    """Writes `metrics.json`: how good the generator is that was kept, and how good it was along the way.

    The file holds `name`, the metric by which it was kept; `step`, when that was; `last_step`; `records`, as
    `keras_gan.metrics.Record.to_dict` makes them; and `history`, the entries of `metrics.jsonl`.

    Args:
        folder: Run folder.
        records: Records of the generator that was kept; the first is of the metric by which it was.
        last_step: Training steps of the run.

    Returns:
        A sentence that says whether the last steps made the generator worse.
    """
    name, best_step = records[0].name, records[0].step
    entries = history.read(Path(folder, "metrics.jsonl"))
    content = {
        "name": name,
        "step": best_step,
        "last_step": last_step,
        "records": [record.to_dict() for record in records],
        "history": entries,
    }
    with atomic.write_file(Path(folder, "metrics.json")) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    if best_step == last_step:
        return f"{records[0]}: the last generator is the best."
    return (
        f"{records[0]}: best at step {best_step}; the last {last_step - best_step} steps made it worse, "
        f"{entries[-1][name]:.4g} at the end."
    )


def draw_progress(folder, most=60):
    """Makes `progress.gif` and `samples.png` of the sample grids in the run folder.

    Args:
        folder: Run folder.
        most: The largest number of frames; of more grids an even selection is shown.
    """
    files = sorted(Path(folder, "samples").glob("step-*.png"))
    if not files:
        return
    count = min(len(files), most)
    chosen = [files[round(i * (len(files) - 1) / max(1, count - 1))] for i in range(count)]
    pictures.write_gif(Path(folder, "progress.gif"), chosen)
    with atomic.write_file(Path(folder, "samples.png")) as partial:
        partial.write_bytes(files[-1].read_bytes())


def judge_classes(folder, samples=10_000, steps=1000):
    """Writes `conditional.json`: what classifiers learn from a conditional run's images; prints it as a table.

    Args:
        folder: Run folder, of data with labels and a held-out split.
        samples: At most as many generated images, and real training images, are looked at.
        steps: Updates of each classifier.
    """
    config = json.loads(Path(folder, "config.json").read_text("utf-8"))
    generator = keras.models.load_model(Path(folder, "generator.keras"))
    real, held_out = (_labelled(config, split, samples) for split in ("train", "test"))
    found = conditional.evaluate(generator, real, held_out, seed=config["seed"], steps=steps)
    with atomic.write_file(Path(folder, "conditional.json")) as partial:
        partial.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    print(
        f"""
On {found["test_images"]} held-out images, classifiers that learned from {found["train_images"]} images each:
                      1-NN error   accuracy of a small network
  generated images    {found["nearest_neighbour_error_generated"]:10.2%}   {found["gan_train"]:.2%} (GAN-train)
  real images         {found["nearest_neighbour_error_real"]:10.2%}   {found["real_train"]:.2%}
The network that learned from real images is right about {found["gan_test"]:.2%} of the generated ones (GAN-test).
Kept in {folder}/conditional.json."""
    )


def _labelled(config, split, most):
    """At most `most` images of a split and their labels, drawn at random but always the same."""
    dataset, _ = data.load(
        config["dataset"],
        split,
        batch_size=500,
        labels=True,
        drop_remainder=False,
        image_size=config["image_size"] or None,
        channels=config["channels"] or None,
        data_dir=config["data_dir"] or None,
    )
    images, labels = zip(*dataset.take(-(-most // 500)), strict=True)
    return np.concatenate(images)[:most], np.concatenate(labels)[:most]


def summary(folder, steps, seconds, verdict="", model_file="gan.keras"):
    """Text that says what was made and which command to run next.

    Args:
        folder: Run folder.
        steps: Training steps so far.
        seconds: Time that took, from the start of the process or processes.
        verdict: What `write_metrics` returned; empty without an evaluation.
        model_file: Name of the file that holds the whole model.

    Returns:
        Several lines of text.
    """
    minutes = f"{int(seconds // 60)} min {int(seconds % 60)} s"
    model = f"--model={folder}/generator.keras"
    which = "the best of those that were evaluated" if verdict else "the last; none was evaluated"
    measured = (
        f"""
  metrics.json               how good it is, and was along the way; generator_last.keras is the last
{verdict}"""
        if verdict
        else ""
    )
    file = Path(folder, "diagnosis.txt")
    said = file.read_text("utf-8").splitlines() if file.is_file() else []
    diagnosis = f"\n  diagnosis.txt              what the watchdog said; last: {said[0]}" if said else ""
    return f"""
Trained {steps} steps in {minutes}; all of it is in {folder}:
  samples.png, progress.gif  pictures of the same latents, at the end and along the way
  generator.keras            the generator to use ({which}): keras.models.load_model after import keras_gan
  {model_file:<26} all networks and optimizers
  curves.png, logs/          curves; more with: tensorboard --logdir={folder}/logs{diagnosis}{measured}
Next:
  python -m trainers.sample {model} --n=64 --seed=1 --out=more.png
  python -m trainers.evaluate {model}
  python -m export.saved_model {model} --publish=served/generator
  python -m export.tflite {model} --out=generator.tflite"""
