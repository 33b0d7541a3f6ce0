"""What a finished run leaves to look at: curves, an animation and a summary."""

import json
from pathlib import Path

from keras_gan import pictures, staging


def read_history(folder):
    """The entries of `history.jsonl` as a dictionary of lists."""
    file = Path(folder, "history.jsonl")
    entries = [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    return {name: [entry.get(name) for entry in entries] for name in (entries[-1] if entries else ())}


def draw_curves(folder):
    """Draws `curves.png` from the run's history: objectives, logits and penalties against steps.

    Args:
        folder: Run folder.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    history = read_history(folder)
    if not history:
        return
    steps = history.pop("step")
    plain = [n for n in history if not n.startswith("val_") and not n.endswith("learning_rate") and n != "loss"]
    rest = [name for name in plain if name not in ("d_loss", "g_loss", "real_logits", "fake_logits")]
    panels = [("objectives", ["d_loss", "g_loss"]), ("logits", ["real_logits", "fake_logits"])]
    panels += [("penalties", rest)] if rest else []
    figure, axes = plt.subplots(1, len(panels), figsize=(5 * len(panels), 3.5), layout="constrained")
    for axis, (title, names) in zip(axes, panels, strict=True):
        for name in names:
            (line,) = axis.plot(steps, history[name], label=name)
            if f"val_{name}" in history:
                axis.plot(steps, history[f"val_{name}"], ":", color=line.get_color(), label=f"{name}, held out")
        axis.set(title=title, xlabel="training step")
        axis.grid(alpha=0.3)
        axis.legend()
    with staging.replacing(Path(folder, "curves.png")) as partial:
        figure.savefig(partial, dpi=110)
    plt.close(figure)


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
    with staging.replacing(Path(folder, "samples.png")) as partial:
        partial.write_bytes(files[-1].read_bytes())


def summary(folder, steps, seconds):
    """Text that says what was made and which command to run next.

    Args:
        folder: Run folder.
        steps: Training steps so far.
        seconds: Time that took, from the start of the process or processes.

    Returns:
        Several lines of text.
    """
    minutes = f"{int(seconds // 60)} min {int(seconds % 60)} s"
    model = f"--model={folder}/generator.keras"
    return f"""
Trained {steps} steps in {minutes}; all of it is in {folder}:
  samples.png, progress.gif  pictures of the same latents, at the end and along the way
  generator.keras            the generator to use: keras.models.load_model after import keras_gan
  gan.keras                  both networks and optimizers
  curves.png, logs/          curves; more with: tensorboard --logdir={folder}/logs
Next:
  python -m trainers.sample {model} --n=64 --seed=1 --out=more.png
  python -m export.saved_model {model} --out=served/1
  python -m export.tflite {model} --out=generator.tflite"""
