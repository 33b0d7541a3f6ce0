"""The machinery of the trainers: from flags to a finished run folder.

A recipe needs no more than what is here: `option` for its flags on top of a `Config`, and `main`.
"""

from keras_gan.cli import option
from trainers.engine.continuation import of_run
from trainers.engine.epilogues import judge_classes
from trainers.engine.flags import Config, RunConfig, TranslationConfig, find, find_held_out, find_like, linear_decay
from trainers.engine.run import main
from trainers.engine.width import decide as decide_width

__all__ = [
    "Config",
    "RunConfig",
    "TranslationConfig",
    "decide_width",
    "find",
    "find_held_out",
    "find_like",
    "judge_classes",
    "linear_decay",
    "main",
    "of_run",
    "option",
]
