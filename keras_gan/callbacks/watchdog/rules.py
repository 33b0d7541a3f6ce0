"""From a series of cheap signals to a verdict on GAN training, in plain words, with evidence and what to try."""

import collections
import itertools
import json
import math
import typing

import numpy as np

WINDOW = 10  # intervals that are remembered
RECENT = 5  # of which medians are taken
PATIENCE = 3  # looks in a row that must agree before the verdict changes
EXPLODED = 1000.0  # what the logits' gap or deviation is at most
WRONG = 30.0  # how often an undecided one's loss a discriminator's may be

SIGNALS = {
    "accuracy": "share of pairs (real, generated) in which the discriminator gives the real example the higher logit",
    "logit_gap": "mean logit of real examples minus that of generated ones",
    "logit_deviation": "standard deviation of the logits",
    "saturation": "the discriminator's loss, from 0 at certainty to 1 where it cannot tell",
    "discriminator_gradient": "norm of the gradient of the discriminator's adversarial loss",
    "generator_gradient": "norm of the gradient of the generator's adversarial loss",
    "gradient_ratio": "the generator's gradient norm over the discriminator's",
    "real_input_gradient": "root mean square norm of the logit's gradient at real examples",
    "fake_input_gradient": "the same at generated examples",
    "overfitting": "how far held-out real logits have moved from those of training examples towards generated ones",
    "overfitting_deviations": "the difference of these two in standard errors",
    "distance_ratio": "mean distance between generated examples over that between real ones",
    "class_distance_ratio": "the same of examples of one class, where the model has classes",
    "neighbour_accuracy": "share of examples whose nearest neighbour is of their own kind, real or generated",
    "precision": "share of generated examples that lie among real ones",
    "coverage": "share of real examples that have a generated one among their nearest neighbours",
    "movement": "how far generated examples moved since the last interval, over the mean distance of real ones",
    "weight_change": "norm of the change of the generator's weights since the last look, over the norm of the weights",
    "label_agreement": "share of generated examples in which a classifier sees the class that was asked for",
    "label_chance": "what that share would be if examples did not depend on the labels",
    "real_label_agreement": "the same of real examples and their labels",
    "entropy": "entropy of the classes or modes of generated examples, in nats",
    "missing_share": "share of the data that is in classes or modes which are hardly generated",
    "not_finite": "number of signals that were NaN or infinite",
}

EARLY = "too early to tell"
HEALTHY = "healthy"
DIVERGED = "diverged"
OVERFITTING = "discriminator overfitting"
DISCRIMINATOR = "discriminator winning"
COLLAPSE = "mode collapse"
OSCILLATING = "oscillating"
GENERATOR = "generator winning"
CONVERGED = "converged"

STILL = "generator not moving"
LABELS = "labels not followed"

# What to try, and what each of these does: who gains by it, the discriminator or the generator, or what becomes of the
# penalty. In one run nothing is advised whose opposite was.
_LEVERS = {
    "more discriminator steps": ("balance", "discriminator"),
    "fewer discriminator steps": ("balance", "generator"),
    "a higher learning rate of the discriminator": ("balance", "discriminator"),
    "a lower learning rate of the discriminator": ("balance", "generator"),
    "a larger discriminator": ("balance", "discriminator"),
    "a smaller discriminator": ("balance", "generator"),
    "a lower learning rate of the generator": ("balance", "discriminator"),
    "a higher learning rate of the generator": ("balance", "generator"),
    "lower learning rates of both networks": ("rates", "lower"),
    "a gradient penalty, or a stronger one": ("penalty", "more"),
    "less penalty": ("penalty", "less"),
}
ADVICE = {
    EARLY: (),
    HEALTHY: (),
    DIVERGED: ("lower learning rates of both networks", "a gradient penalty, or a stronger one"),
    OVERFITTING: (
        "to stop here or earlier", "more data", "augmentation", "a gradient penalty, or a stronger one",
        "a smaller discriminator",
    ),
    DISCRIMINATOR: (
        "a non-saturating loss", "a gradient penalty, or a stronger one", "fewer discriminator steps",
        "a lower learning rate of the discriminator",
    ),
    COLLAPSE: (
        "a relativistic loss", "larger batches", "a gradient penalty, or a stronger one", "more discriminator steps",
        "a lower learning rate of the generator",
    ),
    OSCILLATING: (
        "alternating updates", "less momentum (beta_1)", "an average of the weights to sample from",
        "a gradient penalty, or a stronger one", "lower learning rates of both networks",
    ),
    GENERATOR: (
        "another loss", "a larger discriminator", "more discriminator steps",
        "a higher learning rate of the discriminator", "less penalty",
    ),
    STILL: (
        "a look at whether its layers are trainable, and whether its outputs are saturated",
        "a higher learning rate of the generator",
    ),
    LABELS: (
        "a look at whether labels belong to their images", "labels in both networks, by projection or an auxiliary "
        "classifier",
    ),
    CONVERGED: ("to end training, and to compare checkpoints by a metric",),
}  # fmt: skip


def advice(name, given=None):
    """Advice about a verdict, in one sentence.

    Args:
        name: The verdict.
        given: Dictionary from a lever to the direction that earlier advice of the run gave; what pulls it the other way
            is left out. What is advised now is added.
    """
    given = {} if given is None else given
    chosen = [text for text in ADVICE[name] if (lever := _LEVERS.get(text)) is None or given.get(*lever) == lever[1]]
    given.update(_LEVERS[text] for text in chosen if text in _LEVERS)
    return ", ".join(chosen)


# The order of both in checkpoints of version 0.1.0.
_OLD_SIGNALS = (
    "accuracy", "logit_gap", "logit_deviation", "saturation", "discriminator_gradient", "generator_gradient",
    "gradient_ratio", "real_input_gradient", "fake_input_gradient", "overfitting", "overfitting_deviations",
    "distance_ratio", "neighbour_accuracy", "precision", "movement", "entropy", "missing_share", "not_finite",
)  # fmt: skip
_OLD_NAMES = (EARLY, HEALTHY, DIVERGED, OVERFITTING, DISCRIMINATOR, COLLAPSE, OSCILLATING, GENERATOR, CONVERGED)
OLD_SIZE = 10 * len(_OLD_SIGNALS) + 7
ALARMS = (DIVERGED, OVERFITTING, DISCRIMINATOR, COLLAPSE, OSCILLATING, GENERATOR, STILL, LABELS)


class Verdict(typing.NamedTuple):
    """The word of a `Judge`: the name, whether it is new, since which step, evidence and advice as sentences."""

    name: str
    changed: bool
    since: int
    evidence: str
    advice: str

    def __str__(self):
        text = f"{self.name}: {self.evidence}" if self.evidence else self.name
        return f"{text}; try: {self.advice}" if self.advice and self.name in ALARMS else text


class Judge:
    """Hears signals interval by interval and holds a verdict that does not flicker.

    Rules look at medians over the last 5 looks. The first whose conditions hold proposes its verdict, in this
    order: diverged, generator not moving, labels not followed, discriminator overfitting, discriminator winning, mode
    collapse, oscillating, generator winning, converged, and else healthy. A generator that runs away from a
    discriminator which cannot follow is winning, not diverged, as long as logits stay within bounds; once ten looks
    show what it lost, that is a collapse. A proposal becomes the verdict when three looks in a row agree on it; numbers
    that are not finite, and logits that explode, do at once. What takes long to be seen (a collapse, a generator that
    wins by and by, convergence) is not proposed before ten looks lie as far apart as the last two.

    Example: a discriminator that cannot tell, in front of samples that a nearest-neighbour rule tells at once.

    >>> judge = keras_gan.callbacks.watchdog.rules.Judge()
    >>> for step in range(100, 1300, 100):
    ...     verdict = judge.update(step, {"accuracy": 0.5, "neighbour_accuracy": 0.99})
    >>> verdict.name, verdict.since
    ('generator winning', 1000)
    """

    def __init__(self):
        self.rows = collections.deque(maxlen=WINDOW)
        self.peak = 0.0
        self.name, self.since = EARLY, 0
        self.advised, self._advice = {}, ""
        self._proposed, self._streak, self._proposed_at = EARLY, 0, 0

    def update(self, step, row, missing=()):
        """Takes in the signals of one interval.

        Args:
            step: The training step.
            row: Dictionary from names of `SIGNALS` to numbers; those that do not apply may be left out or `None`.
            missing: Names of the classes or modes that are hardly generated, for the evidence.

        Returns:
            The `Verdict` that stands now.
        """
        self.rows.append({"step": float(step), **{name: _number(row.get(name)) for name in SIGNALS}})
        gradient = _recent(self.rows, "generator_gradient")
        self.peak = max(self.peak, gradient) if math.isfinite(gradient) else self.peak
        name, evidence = self._propose(list(missing))
        if name != self._proposed:
            self._proposed, self._streak, self._proposed_at = name, 0, int(step)
        self._streak += 1
        urgent = name == DIVERGED and bool(_exploded(self.rows))
        changed = name != self.name and (urgent or self._streak >= PATIENCE)
        if changed:
            self.name, self.since = name, self._proposed_at
            self._advice = advice(name, self.advised)
        elif name != self.name and self._streak > 1 and name in ALARMS:
            evidence = f"for now, signs of {name}"
        elif self.name == EARLY:
            evidence = (f"{evidence}; " if evidence and name == EARLY else "") + self._still_needed(name)
        elif name != self.name:
            evidence = ""
        return Verdict(self.name, changed, self.since, evidence, self._advice)

    def _still_needed(self, proposed):
        """A sentence that says how many more looks it takes at least."""
        number = PATIENCE - self._streak
        if proposed == EARLY:
            number = PATIENCE - 1 + max(1, (WINDOW if _poor(self.rows) else RECENT) - len(self.rows))
        return f"{number} more {'entry' if number == 1 else 'entries'} needed, at least"

    def _propose(self, missing):
        if len(self.rows) < PATIENCE and not _exploded(self.rows):
            return EARLY, ""
        for name, rule in _RULES:
            evidence = rule(self.rows, self.peak, missing)
            if evidence:
                return name, evidence
        poor = _poor(self.rows)
        if len(self.rows) < RECENT or (len(self.rows) < WINDOW and poor):
            return (self.name if self.name in ALARMS else EARLY), ""
        if poor:
            # Still spreading: neither healthy yet, nor a reason to take back what was said.
            return self.name, "generated examples are less varied than real ones, which young ones may be"
        return HEALTHY, _describe(self.rows, missing)

    def to_json(self):
        """The judge's memory, as text, for a checkpoint: everything by its name, so that lists may grow."""
        return json.dumps(
            {
                "signals": list(self.rows),
                "advised": self.advised,
                "advice": self._advice,
                "peak": self.peak,
                "verdict": self.name,
                "since": self.since,
                "proposed": self._proposed,
                "streak": self._streak,
                "proposed_at": self._proposed_at,
            }
        )

    @classmethod
    def from_json(cls, text):
        """The judge that `to_json` describes. A signal that was not there is missing; so is one that is gone."""
        state, judge = json.loads(text), cls()
        for row in state["signals"]:
            judge.rows.append({name: _number(row.get(name)) for name in ("step", *SIGNALS)})
        judge.peak = state["peak"]
        judge.name, judge.since = _known(state["verdict"]), state["since"]
        judge._proposed, judge._streak = _known(state["proposed"]), state["streak"]
        judge._proposed_at = state["proposed_at"]
        judge.advised = state.get("advised", {})
        judge._advice = state.get("advice", advice(judge.name, judge.advised))
        return judge

    @classmethod
    def from_array(cls, array):
        """The judge of a checkpoint of version 0.1.0, where names were positions in the lists of that version."""
        rows, rest = np.split(np.asarray(array, np.float64), [OLD_SIZE - 7])
        rows = rows.reshape(-1, len(_OLD_SIGNALS))[: int(rest[0])].tolist()
        state = {
            "signals": [dict(zip(_OLD_SIGNALS, row, strict=True)) for row in rows],
            "peak": float(rest[1]),
            "verdict": _OLD_NAMES[int(rest[2])],
            "since": int(rest[3]),
            "proposed": _OLD_NAMES[int(rest[4])],
            "streak": int(rest[5]),
            "proposed_at": int(rest[6]),
        }
        return cls.from_json(json.dumps(state))


def _known(name):
    """A verdict's name, if there still is one of it."""
    return name if name in ADVICE else EARLY


def _number(value):
    return math.nan if value is None else float(value)


def _recent(rows, name, count=RECENT, skip=0):
    """The median over the last intervals in which a signal applied; NaN, with which comparisons fail, without any."""
    rows = list(rows)[: len(rows) - skip]
    values = [row[name] for row in rows[-count:] if not math.isnan(row[name])]
    return float(np.median(values)) if values else math.nan


def _poor(rows):
    """Tells whether generated examples lack what a healthy generator has."""
    return _recent(rows, "missing_share") >= 0.15 or _recent(rows, "distance_ratio") < 0.5


def _evenly(rows):
    """Tells whether ten looks lie as far apart as the last two: at the start they are closer together."""
    steps = [row["step"] for row in rows]
    return len(rows) == WINDOW and not steps[-1] - steps[0] < (WINDOW - 1) * (steps[-1] - steps[-2])


def _exploded(rows):
    """A sentence about what the last look shows and no later one can take back, or nothing."""
    last = rows[-1]
    if last["not_finite"] > 0:
        return "a loss, a gradient or a generated example is not finite"
    spread = max(abs(last["logit_gap"]), last["logit_deviation"])
    if spread > EXPLODED:
        return f"logits are spread over {spread:.3g}"
    if last["saturation"] > WRONG:
        return f"logits explode: the discriminator's loss is {last['saturation']:.3g} times an undecided one's"
    return ""


def _diverged(rows, peak, missing):
    if _exploded(rows):
        return _exploded(rows)
    if _leads(rows, PATIENCE):
        return ""
    saturation, accuracy = _recent(rows, "saturation"), _recent(rows, "accuracy")
    if len(rows) >= RECENT and saturation > 3.0 and accuracy >= 0.5:
        return (
            f"logits jump: the discriminator's loss is {saturation:.3g} times an undecided one's although it tells "
            f"{100 * accuracy:.0f} % of pairs right"
        )
    ratio = _recent(rows, "distance_ratio", PATIENCE)
    if ratio > 5.0:
        return f"generated examples lie {ratio:.3g} times as far from each other as real ones"
    return ""


def _leads(rows, count):
    """Tells whether the last looks all saw generated examples ranked above nearly every real one."""
    accuracy = [row["accuracy"] for row in rows][-count:]
    return len(accuracy) == count and all(each <= 0.1 for each in accuracy)


def _stands_still(rows, peak, missing):
    changes = [row["weight_change"] for row in rows][-PATIENCE:]
    neighbours = _recent(rows, "neighbour_accuracy")
    if neighbours <= 0.6:
        return ""
    if len(changes) == PATIENCE and all(change < 1e-5 for change in changes):
        return f"between looks the generator's weights change by {max(changes):.2g} of their size"
    movements = [row["movement"] for row in rows][-RECENT:]
    if len(movements) == RECENT and all(movement < 1e-3 for movement in movements):
        return f"generated examples move by {max(movements):.2g} of the data's spread from one look to the next"
    return ""


def _ignores_labels(rows, peak, missing):
    found, chance, real = (_recent(rows, name) for name in ("label_agreement", "label_chance", "real_label_agreement"))
    if len(rows) >= RECENT and real < 0.3:
        return (
            f"a classifier sees the class of the label in {100 * real:.0f} % of the real examples: labels are not "
            "those of the images, or it numbers classes in another way"
        )
    # Images show classes first, and those that were asked for later.
    halves = [
        (_recent(rows, "entropy", skip=skip), _recent(rows, "label_agreement", skip=skip)) for skip in (0, RECENT)
    ]
    late = all(spread > 1.0 and share < chance + 0.1 for spread, share in halves)
    if _evenly(rows) and real > 0.5 and late:
        return (
            f"generated examples show several classes, and the one that was asked for in {100 * found:.0f} % of them, "
            f"where chance has {100 * chance:.0f} %"
        )
    return ""


def _overfitting(rows, peak, missing):
    moved, deviations = _recent(rows, "overfitting"), _recent(rows, "overfitting_deviations")
    accuracy = _recent(rows, "accuracy")
    if moved > 0.5 and deviations > 3.5 and accuracy > 0.6:
        return (
            f"to the discriminator, held-out real examples are {100 * moved:.0f} % of the way from training ones to "
            f"generated ones ({deviations:.0f} standard errors): it knows its examples by heart"
        )
    return ""


def _discriminator_wins(rows, peak, missing):
    accuracy, saturation = _recent(rows, "accuracy"), _recent(rows, "saturation")
    share = _recent(rows, "generator_gradient") / peak if peak else math.nan
    if accuracy < 0.98 or math.isnan(accuracy) or _recent(rows, "precision") > 0.5:
        return ""
    # A loss of 0 is no lack of gradients where the generator's does not saturate, as with a hinge.
    if _recent(rows, "movement") > 0.1:
        return ""
    if saturation < 0.02:
        reason = f"its loss is {100 * saturation:.2g} % of an undecided one's"
    elif share < 0.02:
        reason = f"the generator's gradient has vanished to {100 * share:.2g} % of its largest"
    else:
        return ""
    told = f"the discriminator tells {100 * accuracy:.1f} % of pairs right"
    return f"{told} and {reason}, so it teaches the generator nothing"


def _spreads(rows):
    """Tells whether generated examples show more classes, or more variety, than at any look before the last 5."""
    earlier = list(rows)[:-RECENT]
    if not math.isnan(_recent(rows, "entropy")):
        return _recent(rows, "entropy") > max((row["entropy"] for row in earlier), default=math.nan) + 0.05
    return _recent(rows, "distance_ratio") > 1.1 * max((row["distance_ratio"] for row in earlier), default=math.nan)


def _collapsed(rows, peak, missing):
    if not _evenly(rows) or _spreads(rows):
        return ""
    ratio, within = _recent(rows, "distance_ratio"), _recent(rows, "class_distance_ratio")
    if ratio < 0.2:
        return f"generated examples differ from each other only {ratio:.2g} times as much as real ones"
    if within < 0.2:
        return f"generated examples of one class differ only {within:.2g} times as much as real ones of it"
    # Before its examples look like those of the data a generator has not got round to all classes yet.
    worst = min(_recent(rows, "precision", skip=skip) for skip in (0, RECENT))
    if worst < 0.3:
        return ""
    share = _recent(rows, "missing_share")
    if share >= (0.15 if worst >= 0.7 else 0.4):
        names = ", ".join(missing[:10]) + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
        which = f" (now: {names})" if missing else ""
        return f"classes or modes with {100 * share:.0f} % of the data are hardly generated{which}"
    coverage, precision = _recent(rows, "coverage"), _recent(rows, "precision")
    if coverage < 0.05 * precision:
        return (
            f"{100 * precision:.0f} % of generated examples lie among real ones, and only {100 * coverage:.2g} % of "
            "the real ones have one near them"
        )
    return ""


def _oscillating(rows, peak, missing):
    signs = [np.sign(row["accuracy"] - 0.5) for row in rows if abs(row["accuracy"] - 0.5) > 0.1]
    turns = sum(a != b for a, b in itertools.pairwise(signs))
    movement = _recent(rows, "movement")
    if turns >= 3 and movement > 0.1:
        return (
            f"within {len(rows)} intervals the discriminator's ranking of real and generated examples turned round "
            f"{turns} times, and generated examples move by {movement:.2g} of the data's spread from one to the next"
        )
    return ""


def _generator_wins(rows, peak, missing):
    accuracy, neighbours = _recent(rows, "accuracy"), _recent(rows, "neighbour_accuracy")
    if _leads(rows, RECENT):
        return (
            f"look after look the discriminator gives the generated example the higher logit, in "
            f"{100 * (1 - accuracy):.0f} % of pairs: the generator runs ahead of it"
        )
    # A discriminator cannot tell either before it has learned to, and need not where examples are good.
    blind = accuracy <= 0.4 or (accuracy <= 0.6 and not _recent(rows, "precision") > 0.2)
    if _evenly(rows) and blind and neighbours >= 0.9:
        return (
            f"the discriminator tells {100 * accuracy:.0f} % of pairs right, no better than chance, where a "
            f"nearest-neighbour rule tells {100 * neighbours:.0f} %"
        )
    return ""


def _converged(rows, peak, missing):
    accuracy, neighbours = _recent(rows, "accuracy"), _recent(rows, "neighbour_accuracy")
    ratio, share = _recent(rows, "distance_ratio"), _recent(rows, "missing_share")
    steady = _evenly(rows) and abs(_recent(rows, "distance_ratio", skip=RECENT) - ratio) < 0.1
    if steady and abs(accuracy - 0.5) <= 0.1 and neighbours <= 0.6 and abs(ratio - 1.0) <= 0.15 and not share > 0.0:
        return (
            f"neither the discriminator ({100 * accuracy:.0f} % of pairs right) nor a nearest-neighbour rule "
            f"({100 * neighbours:.0f} %) can tell generated examples from real ones"
        )
    return ""


_RULES = (
    (DIVERGED, _diverged),
    (STILL, _stands_still),
    (LABELS, _ignores_labels),
    (OVERFITTING, _overfitting),
    (DISCRIMINATOR, _discriminator_wins),
    (COLLAPSE, _collapsed),
    (OSCILLATING, _oscillating),
    (GENERATOR, _generator_wins),
    (CONVERGED, _converged),
)


def _describe(rows, missing):
    """The signals in one line."""
    parts = []
    for name, text in (
        ("accuracy", "discriminator {:.0f} % right"),
        ("neighbour_accuracy", "nearest neighbours {:.0f} %"),
    ):
        if not math.isnan(_recent(rows, name)):
            parts.append(text.format(100 * _recent(rows, name)))
    ratio = _recent(rows, "distance_ratio")
    if not math.isnan(ratio):
        parts.append(f"variety {ratio:.2f} of the data's")
    if missing:
        parts.append(f"hardly generated: {', '.join(missing[:10])}")
    return ", ".join(parts)
