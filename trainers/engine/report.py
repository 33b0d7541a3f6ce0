"""Models, how good they are, curves and an animation, which a finished run leaves."""

import json
import warnings

import keras

from keras_gan import metrics
from keras_gan.files import atomic, history, pictures
from trainers.engine import dashboard, flags, summary, translations


def finish(run, of_run, epilogue=None):
    """Writes all that is to be seen of a run that was trained to its end, and says what it is.

    Args:
        run: `trainers.engine.run.Run`.
        of_run: `trainers.engine.tasks.Tasks`.
        epilogue: As `trainers.engine.run.main` takes it.
    """
    folder, model, step, evaluation = run.own, run.model, run.step, of_run.evaluation
    # What it tells of is about to change: a process that is killed here finishes again.
    folder.result_file.unlink(missing_ok=True)
    # Keras tells callbacks of their model where there is something left to train.
    of_run.grids.set_model(model)
    pictures.write_png(folder.sample_file(step), of_run.grids.draw())
    # Keras writes in place: a disk that fills up would take the old file with it.
    written, verdict, records = [folder.model_file(model)], "", []
    with atomic.write_file(folder.model_file(model)) as partial:
        model.save(partial)
    if evaluation is None:
        written += _save_generators(model, folder)
    else:
        if not evaluation.is_due(step):
            evaluation.at_step(step)
            evaluation.close()
        _save_generator(model, folder.last_generator_file)
        written += [*_save_generators(model, folder, evaluation), folder.last_generator_file, folder.metrics_file]
        if run.translates:
            verdict = translations.write_metrics(folder, evaluation, step)
        else:
            records = _measure_kept(run, evaluation)
            verdict = write_metrics(folder, records, step)
    written += [*draw_curves(folder), *draw_progress(folder), *_end_with(epilogue, folder)]
    seconds = float(of_run.checkpoint.seconds)
    result = {"steps": step, "seconds": round(seconds, 1), "files": [file.name for file in written]}
    atomic.write_text(folder.result_file, json.dumps(result) + "\n")
    text = summary.text(run, step, seconds, verdict)
    dashboard.end(folder, step, records, text)
    print(text, flush=True)


def _save_generators(model, folder, evaluation=None):
    """Saves all sampling generators, as they were at the best evaluation, each to the file of its name."""
    kept = {"generator": None if evaluation is None else evaluation.best_weights}
    if "generator_backward" in model.samplers:
        kept["generator_backward"] = evaluation and evaluation.best_weights_of("generator_backward_weights")
    files = [folder.path / f"{name}.keras" for name in kept]
    for file, (name, weights) in zip(files, kept.items(), strict=True):
        _save_generator(model, file, weights, **({} if name == "generator" else {"backward": True}))
    return files


def _save_generator(model, file, weights=None, **which):
    with atomic.write_file(file) as partial:
        model.save_generator(partial, weights=weights, **which)


def _measure_kept(run, evaluation):
    """Records of the generator that was kept, by all metrics, with intervals and floors."""
    names = metrics.registry.names_for(evaluation.features.name)
    if run.config.evaluate_samples <= evaluation.features.dimension:
        # A Frechet distance wants more samples than features; by the first the generator was kept.
        named = metrics.registry.METRICS
        names = [name for name in names if name == names[0] or named[name].function != metrics.frechet_distance]
    return metrics.evaluate(
        keras.models.load_model(run.own.generator_file),
        run.examples,
        evaluation.features,
        names,
        num_samples=run.config.evaluate_samples,
        held_out=flags.find_held_out(run.config, run.spec.image_shape),
        ema=run.model.sampler is not run.model.generator,
        step=evaluation.best_step,
        **{name: evaluation.options[name] for name in ("num_real", "dataset", "split", "progress")},
    )


def _end_with(epilogue, folder):
    """The files that the recipe's own report wrote. The run is trained: that fails, or not, without it."""
    if epilogue is None:
        return []
    try:
        file = epilogue(folder)
    except BrokenPipeError:
        raise
    except (ValueError, OSError, MemoryError) as error:
        warnings.warn(f"The run is finished, but for one part of its report: {error}", stacklevel=2)
        return []
    return [] if file is None else [file]


def draw_curves(folder):
    """Draws curves of the run's histories: objectives, logits, penalties and evaluations against steps.

    Args:
        folder: `RunFolder`.

    Returns:
        List of the file that was written; empty where nothing was logged.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    logged = history.columns(folder.history())
    if not logged:
        return []
    steps = logged.pop("step")
    plain = [n for n in logged if not n.startswith("val_") and not n.endswith("learning_rate") and n != "loss"]
    groups = {
        "objectives": ("d_loss", "g_loss", "kl"),
        "logits": ("real_logits", "fake_logits"),
        "differences": ("reconstruction", "cycle", "identity"),
    }
    if "kl" in plain:  # of a VAE, whose objective is their sum
        groups = {"objectives": ("reconstruction", "kl")}
    known = [name for names in groups.values() for name in names]
    groups["penalties"] = [name for name in plain if name not in known]
    panels = [(title, [name for name in names if name in plain]) for title, names in groups.items()]
    panels = [(title, names) for title, names in panels if names]
    measured = folder.evaluations()
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
    with atomic.write_file(folder.curves_file) as partial:
        figure.savefig(partial, dpi=110)
    plt.close(figure)
    return [folder.curves_file]


def write_metrics(folder, records, last_step):
    """Writes what `RunFolder.metrics` reads: how good the generator is that was kept, and was along the way.

    The file holds `name`, the metric by which it was kept; `step`, when that was; `last_step`; `records`, as
    `keras_gan.metrics.Record.to_dict` makes them; and `history`, the evaluations along the way.

    Args:
        folder: `RunFolder`.
        records: Records of the generator that was kept; the first is of the metric by which it was.
        last_step: Training steps of the run.

    Returns:
        A sentence that says whether the last steps made the generator worse.
    """
    name, best_step = records[0].name, records[0].step
    entries = folder.evaluations()
    content = {
        "name": name,
        "step": best_step,
        "last_step": last_step,
        "records": [record.to_dict() for record in records],
        "history": entries,
    }
    with atomic.write_file(folder.metrics_file) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    if best_step == last_step:
        return f"{records[0]}: the last generator is the best."
    return (
        f"{records[0]}: best at step {best_step}; the last {last_step - best_step} steps made it worse, "
        f"{entries[-1][name]:.4g} at the end."
    )


def draw_progress(folder, most=60):
    """Makes an animation of the sample grids in the run folder, and keeps the last as a picture beside it.

    Args:
        folder: `RunFolder`.
        most: The largest number of frames; of more grids an even selection is shown.

    Returns:
        List of the files that were written; empty where there are no grids.
    """
    files = folder.sample_files()
    spoilt = [file for file in files if not pictures.is_whole(file)]
    for file in spoilt:
        warnings.warn(f"{file} is damaged, and left out of {folder.progress_file.name}.", stacklevel=2)
    files = [file for file in files if file not in spoilt]
    if not files:
        return []
    count = min(len(files), most)
    chosen = [files[round(i * (len(files) - 1) / max(1, count - 1))] for i in range(count)]
    pictures.write_gif(folder.progress_file, chosen)
    with atomic.write_file(folder.picture_file) as partial:
        partial.write_bytes(files[-1].read_bytes())
    return [folder.progress_file, folder.picture_file]
