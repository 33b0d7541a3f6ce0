"""Verdicts of the watchdog in runs that have ended, or are still going on.

python -m trainers.diagnose runs/dcgan-mnist5k-001
"""

import sys

from keras_gan import cli
from keras_gan.callbacks import watchdog


def main(argv=None):
    """Prints the diagnosis of every run folder that is named."""
    folders = sys.argv[1:] if argv is None else argv
    cli.run(lambda: _print(folders))


def _print(folders):
    if not folders or any(folder.startswith("-") for folder in folders):
        raise ValueError("expected run folders, as in python -m trainers.diagnose runs/dcgan-mnist5k-001")
    for folder in folders:
        print("\n".join([f"{folder}:", *(f"  {line}" for line in watchdog.diagnose(folder))]))


if __name__ == "__main__":
    main()
