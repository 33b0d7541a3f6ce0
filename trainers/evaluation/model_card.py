"""The model card: one self-contained HTML page on a generator, its metrics and where it comes from."""

from keras_gan.files import history
from trainers.evaluation import charts, pages


def render(evaluation, pictures, run=None):
    """Renders the page.

    Args:
        evaluation: Dictionary, as `trainers.evaluate` writes it to `evaluation.json`.
        pictures: Dictionary from a place on the page (`samples`, `classes`, `interpolations`, `truncation`,
            `arithmetic`, `inversion`, `neighbours`) to a pair of a uint8 picture `(height, width, channels)` and its
            caption. `samples` is needed, and `neighbours` where the evaluation tells of memorisation.
        run: `keras_gan.files.run_folder.RunFolder` that the generator comes from, or `None`.

    Returns:
        HTML, without a link to anything outside of it.
    """
    run_facts = _read_run(run, evaluation["identity"]["file"])
    inversion = evaluation.get("inversion")
    return pages.render(
        "model_card.html",
        title=evaluation["title"],
        subtitle=evaluation["subtitle"],
        facts=_facts(evaluation, run_facts),
        pictures={place: pictures.get(place) and pages.embed(*pictures[place]) for place in _PLACES},
        metrics=evaluation["table"],
        reading=evaluation.get("reading")
        or (
            "What a classifier sees in generated images, and how near that is to what it sees in real ones. Read "
            "every value beside what real data score: beyond that no generator can be told from the data."
        ),
        beside=evaluation.get("beside") or {"floors": [], "rows": []},
        conditions=[(name, pages.plain(value)) for name, value in evaluation["conditions"].items()],
        diagnosis=run_facts["diagnosis"],
        truncation=_truncation(evaluation.get("truncation")),
        inversion=inversion and inversion["reading"],
        memorisation=evaluation.get("memorisation", {}).get("reading", ""),
        charts=_curves(run_facts["history"]),
        origins=_origins(evaluation, run_facts),
    )


_PLACES = ("samples", "classes", "interpolations", "truncation", "arithmetic", "inversion", "neighbours")


def _read_run(run, model):
    """Facts that a run folder holds of the run and of a model in it; empty where it has none."""
    if run is None:
        return {"config": {}, "result": {}, "step": None, "history": {}, "diagnosis": []}
    return {
        "config": run.public_config() or {},
        "result": run.result() or {},
        "step": run.step_of(model),
        "history": history.columns(run.history()),
        "diagnosis": run.diagnosis(),
    }


def _facts(evaluation, run):
    facts = [(row["name"], row["value"]) for row in evaluation["table"][:2]]
    facts += [(name, evaluation[name]) for name in ("images", "parameters") if name in evaluation]
    if "dataset" in run["config"]:
        facts.append(("trained on", run["config"]["dataset"]))
    if run["step"] is not None:
        last = run["result"].get("steps") or run["step"]
        facts.append(("training steps", f"{run['step']:,}" + (f" of {last:,}" if last != run["step"] else "")))
    if run["result"].get("seconds") is not None:
        facts.append(("training time", f"{run['result']['seconds'] / 60:.1f} min"))
    return facts


def row(record):
    """A record as the card's table shows it."""
    return {
        "name": record.title,
        "value": f"{record.value:.4g}",
        "interval": "-" if record.low is None else f"{record.low:.4g} to {record.high:.4g}",
        "floor": "-" if record.floor is None else f"{record.floor:.4g}",
        "better": record.better,
    }


def _curves(logged):
    """The charts of a training history; held-out quantities are dotted."""
    steps = logged.get("step")
    if not steps:
        return []
    shown = [
        name
        for name in logged
        if name not in ("step", "loss") and not name.startswith("val_") and not name.endswith("learning_rate")
    ]
    groups = {
        "Objectives": [name for name in ("d_loss", "g_loss") if name in shown],
        "Logits of real and of generated images": [n for n in ("real_logits", "fake_logits") if n in shown],
    }
    rest = [name for name in shown if name not in ("d_loss", "g_loss", "real_logits", "fake_logits")]
    groups |= {name: [name] for name in rest}
    drawn = []
    for title, names in groups.items():
        curves = {}
        for name in names:
            curves[name] = steps, logged[name]
            if f"val_{name}" in logged:
                curves[f"{name}, held out"] = steps, logged[f"val_{name}"]
        dotted = [name for name in curves if name.endswith(", held out")]
        caption = f"{title} (dotted: on held-out data)" if dotted else title
        drawn.append({"svg": charts.chart(curves, "training step", caption, dotted), "caption": caption})
    return drawn


def _truncation(curve):
    if not curve:
        return {"svg": "", "caption": ""}
    labels = [f"{value:g}" for value in curve["truncation"]]
    svg = charts.chart(
        {"precision against recall": (curve["recall"], curve["precision"])},
        "recall (variety)",
        "Precision against recall at several truncations",
        labels=labels,
    )
    caption = "What truncation buys: precision (quality, upwards) against recall (variety), at the factors shown."
    return {"svg": svg, "caption": caption}


def _origins(evaluation, run):
    origins = [("Identity", [(name, pages.plain(value)) for name, value in evaluation["identity"].items()])]
    if run["config"]:
        origins.append(
            ("Configuration of the run", [(name, pages.plain(value)) for name, value in run["config"].items()])
        )
    origins.append(("Versions", [(name, pages.plain(value)) for name, value in evaluation["versions"].items()]))
    return origins
