"""`python -m keras_gan`: the same as the command `keras-gan`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python looks into the current folder first, which may have packages `export` and `trainers` of its own.
    if Path(sys.path[0]).resolve() == Path.cwd() != Path(__file__).resolve().parents[1]:
        del sys.path[0]
    from trainers.command import main

    main()
