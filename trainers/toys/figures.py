"""Pictures of GANs on known densities."""

from pathlib import Path

import numpy as np

from keras_gan.files import atomic, pictures
from keras_gan.metrics.divergence import LOG_2

# Colours that stay apart for the colour-blind: Okabe and Ito.
DATA, MADE, JUDGE, BEST = "#000000", "#009E73", "#0072B2", "#D55E00"
SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def _pyplot():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    return plt


def _save(figure, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.write_file(path) as partial:
        figure.savefig(partial, dpi=110)
    _pyplot().close(figure)


def draw_frame(folder, density, rows, arrays):
    """Draws one frame of an evolution, `frames/step-N.png`, and the same as `frame.png`.

    Args:
        folder: Folder of the run.
        density: `keras_gan.data.toy.Mixture`.
        rows: The measurements so far.
        arrays: Those of the last, as `measures.Ruler.measure` returns them.
    """
    figure = (_line_frame if density.dim == 1 else _plane_frame)(density, rows[-1], arrays)
    path = Path(folder, "frames", f"step-{rows[-1]['step']:07d}.png")
    _save(figure, path)
    with atomic.write_file(Path(folder, "frame.png")) as partial:
        partial.write_bytes(path.read_bytes())


def _title(row):
    return (
        f"generator update {row['generator_updates']:,}      true JSD {row['jsd']:.4f} +- {row['jsd_error']:.1g}      "
        f"through the discriminator {row['jsd_estimate']:.3f}      V {row['value']:.3f}"
    )


def _line_frame(density, row, arrays):
    """The paper's figure 1: densities and discriminators above, the way from latents to points below."""
    plt = _pyplot()
    cells = arrays["cells"]
    x = cells.centres()[:, 0]
    figure, (top, below) = plt.subplots(
        2, 1, figsize=(8.2, 5.2), layout="constrained", sharex=True, height_ratios=(3.4, 1)
    )
    p, q = cells.masses / cells.volume, arrays["generated"] / cells.volume
    top.fill_between(x, p, color=DATA, alpha=0.07, lw=0)
    top.plot(x, p, ":", color=DATA, lw=2, label="data")
    top.plot(x, q, color=MADE, lw=2, label="generator")
    top.set(ylabel="density", ylim=(0, 2.2 * p.max()), xlim=_extent(density)[0])
    right = top.twinx()
    right.axhline(0.5, color="#999999", lw=0.8)
    right.plot(x, arrays["optimal"], color=BEST, lw=1.2, alpha=0.9, label="best discriminator  p / (p + q)")
    right.plot(x, arrays["discriminator"], "--", color=JUDGE, lw=2, label="discriminator D(x)")
    right.set(ylabel="probability of real", ylim=(0, 1.02))
    handles = [line for axis in (top, right) for line in axis.get_lines() if not line.get_label().startswith("_")]
    figure.legend(handles, [line.get_label() for line in handles], loc="outside lower center", ncols=4, frameon=False)
    top.set_title(_title(row), fontsize=10)
    # Equally likely latents, drawn at even distances as the paper does.
    if arrays["quantiles"] is not None:
        ends = arrays["quantiles"][:, 0]
        low, high = _extent(density)[0]
        starts = np.linspace(low + 0.15 * (high - low), high - 0.15 * (high - low), len(ends))
        below.plot(np.stack([starts, ends]), np.stack([np.zeros_like(ends), np.ones_like(ends)]), color=MADE, lw=0.7)
    below.set(ylim=(0, 1), yticks=(0, 1), yticklabels=("z", "x = G(z)"), xlabel="x")
    return figure


def _plane_frame(density, row, arrays):
    """Samples over the data's contours, and the discriminator's field beside the best one."""
    plt = _pyplot()
    cells = arrays["cells"]
    shape = cells.masses.shape
    x, y = ((edges[1:] + edges[:-1]) / 2.0 for edges in cells.edges)
    figure, axes = plt.subplots(1, 3, figsize=(12.6, 4.75), layout="constrained")
    # Contours around half and nearly all of the mass.
    order = np.sort(cells.masses.ravel())[::-1]
    levels = sorted(order[np.searchsorted(np.cumsum(order), share)] for share in (0.5, 0.95))
    samples = arrays["samples"][:2500]
    axes[0].scatter(*samples.T, s=5, color=MADE, alpha=0.35, lw=0, label="generated")
    axes[0].contour(x, y, cells.masses.T, levels=levels, colors=DATA, linewidths=0.9)
    title = "2,500 samples; contours hold 50 and 95 % of the data"
    axes[0].set_title(title, fontsize=10)
    # Where hardly anything is, the best discriminator is a ratio of noise to noise.
    mass = (cells.masses + arrays["generated"]).ravel()
    best = np.where(mass > 2e-5, arrays["optimal"], np.nan)
    fields = (
        ("discriminator D(x)", arrays["discriminator"]),
        ("best discriminator  p / (p + q); gray: nothing there", best),
    )
    for axis, (name, field) in zip(axes[1:], fields, strict=True):
        image = axis.imshow(
            field.reshape(shape).T, origin="lower", vmin=0, vmax=1, cmap="RdBu", interpolation="nearest",
            extent=(cells.edges[0][0], cells.edges[0][-1], cells.edges[1][0], cells.edges[1][-1]),
        )  # fmt: skip
        axis.contour(x, y, cells.masses.T, levels=levels[:1], colors=DATA, linewidths=0.6)
        axis.set_title(name, fontsize=10)
    figure.colorbar(image, ax=axes[1:], shrink=0.8, pad=0.01, ticks=(0, 0.5, 1)).set_label("probability of real")
    (left, right), (low, high) = _extent(density)
    for axis in axes:
        axis.set(xlim=(left, right), ylim=(low, high), aspect="equal", xticks=(), yticks=(), facecolor="#f4f4f4")
    # Apart from the colour of one half.
    axes[2].set_facecolor("#c8c8c8")
    counted = ""
    if "modes" in row:
        counted = f"      modes {row['modes']}/{len(density.modes)}      high quality {100 * row['high_quality']:.1f} %"
    figure.suptitle(_title(row) + counted, fontsize=11)
    return figure


def _extent(density):
    """The range of a picture along each dimension: the grid; in 1-D five of its eight deviations of margin."""
    edges = density.edges(1)
    cut = 3.0 * density.std.max() if density.dim == 1 else 0.0
    return [(axis[0] + cut, axis[-1] - cut) for axis in edges]


def animate(folder):
    """Makes `evolution.gif` of the frames."""
    pictures.write_gif(Path(folder, "evolution.gif"), sorted(Path(folder, "frames").glob("step-*.png")), seconds=8.0)


def draw_curves(folder, rows, density):
    """Draws `curves.png` of an evolution: the value function in its bounds, divergences, modes and gradients.

    Args:
        folder: Folder of the run.
        rows: Its measurements.
        density: `keras_gan.data.toy.Mixture`.
    """
    plt = _pyplot()
    at = [row["generator_updates"] for row in rows]
    counted = "modes" in rows[0]
    figure, axes = plt.subplots(1, 3 + counted, figsize=(4.4 * (3 + counted), 3.7), layout="constrained")

    def plot(axis, name, color, label, style="-"):
        axis.plot(at, [row[name] for row in rows], style, color=color, label=label)

    plot(axes[0], "value", JUDGE, "V of the discriminator")
    plot(axes[0], "bound", BEST, "largest V:  -log 4 + 2 JSD")
    axes[0].axhline(-2 * LOG_2, color="#777777", ls=":", label="-log 4, the equilibrium")
    axes[0].set(title="value function", ylim=(min(-3.0, -2 * LOG_2 - 0.4), 0.05))
    plot(axes[1], "jsd", BEST, "true")
    plot(axes[1], "jsd_estimate", JUDGE, "through the discriminator", "--")
    axes[1].axhline(LOG_2, color="#777777", ls=":", label="log 2, disjoint")
    axes[1].set(title="Jensen-Shannon divergence (nats)", ylim=(-0.02, 0.78))
    plot(axes[2], "generator_gradient", MADE, "of its loss")
    plot(axes[2], "saturating_gradient", "#E69F00", "of the saturating loss", "--")
    axes[2].set(title="norm of the generator's gradient", yscale="log")
    if counted:
        axes[3].plot(at, [row["modes"] / len(density.modes) for row in rows], color=DATA, label="modes covered")
        plot(axes[3], "high_quality", MADE, "high-quality share")
        plot(axes[3], "std_ratio", "#CC79A7", "standard deviation, ratio")
        axes[3].set(title="modes (a perfect generator: 1)", ylim=(-0.03, 2.1))
    for axis in axes:
        axis.set_xlabel("generator updates")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    _save(figure, Path(folder, "curves.png"))


def draw_sweep(folder, results, kinds):
    """Draws `sweep.png`: four measurements along the trainings, a colour for each kind, a thin line for each seed.

    Args:
        folder: Folder of the experiment.
        results: What `trainers.toy` keeps of each training.
        kinds: Names, in the order of the legend.
    """
    plt = _pyplot()
    panels = (
        ("jsd", "true Jensen-Shannon divergence (nats)"),
        ("modes", "modes covered"),
        ("high_quality", "high-quality share"),
        ("generator_gradient", "norm of the generator's gradient"),
    )
    trained = [result for result in results if result["rows"]]
    panels = [panel for panel in panels if trained and panel[0] in trained[0]["rows"][0]]
    if not panels:
        return
    figure, axes = plt.subplots(2, 2, figsize=(11, 7.2), layout="constrained")
    for axis, (name, title) in zip(axes.flat, panels, strict=False):
        for color, kind in zip(SERIES, kinds, strict=False):
            own = [result["rows"] for result in trained if result["kind"] == kind]
            for rows in own:
                axis.plot(
                    [row["generator_updates"] for row in rows], [row[name] for row in rows], color=color, lw=0.6,
                    alpha=0.4,
                )  # fmt: skip
            if own:
                length = min(len(rows) for rows in own)
                mean = np.mean([[row[name] for row in rows[:length]] for rows in own], axis=0)
                axis.plot(
                    [row["generator_updates"] for row in own[0][:length]], mean, color=color, lw=2,
                    label=f"D:G = {kind}",
                )  # fmt: skip
        axis.set(title=title, xlabel="generator updates", yscale="log" if "gradient" in name else "linear")
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    _save(figure, Path(folder, "sweep.png"))


def draw_losses(folder, results, losses, penalties):
    """Draws `losses.png`: the divergence that every loss reaches with every regularizer, modes and quality in words.

    Args:
        folder: Folder of the experiment.
        results: What `trainers.toy` keeps of each training.
        losses: Names, from top to bottom.
        penalties: Names, from left to right; empty for none.
    """
    plt = _pyplot()
    values = np.full((len(losses), len(penalties)), np.nan)
    words = np.full(values.shape, "", object)
    for i, loss in enumerate(losses):
        for j, penalty in enumerate(penalties):
            own = [result for result in results if result["kind"] == f"{loss} {penalty}".strip()]
            trained = [result for result in own if result["outcome"] == "trained"]
            if trained:
                values[i, j] = np.mean([result["jsd"] for result in trained])
                words[i, j] = f"{values[i, j]:.3f}"
                if "modes" in trained[0]:
                    counted, good = (
                        np.mean([result[name] for result in trained]) for name in ("modes", "high_quality")
                    )
                    words[i, j] += f"\n{counted:.1f} modes, {100 * good:.0f} %"
            elif own:
                words[i, j] = own[0]["outcome"].split(":")[0].replace("does not apply", "not\napplicable")
    figure, axis = plt.subplots(figsize=(2.6 + 1.7 * len(penalties), 1.6 + 0.52 * len(losses)), layout="constrained")
    image = axis.imshow(values, cmap="viridis_r", vmin=0, vmax=LOG_2, aspect="auto")
    for (i, j), text in np.ndenumerate(words):
        dark = np.isfinite(values[i, j]) and values[i, j] > 0.35
        axis.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    axis.set_xticks(range(len(penalties)), [penalty or "none" for penalty in penalties])
    axis.set_yticks(range(len(losses)), losses)
    axis.set(
        title="true Jensen-Shannon divergence (0 is perfect)\nmodes covered, high-quality share", xlabel="regularizer"
    )
    figure.colorbar(image, ax=axis, shrink=0.7).set_label("nats")
    _save(figure, Path(folder, "losses.png"))
