"""Compares the files in a wheel with those of the packages in this checkout: all of them, and no others.

python .ci/check_wheel.py FILE.whl
"""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("keras_gan", "trainers", "export")


def main(wheel):
    """Ends with an error that names what is missing or too much."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*") if file.is_file())
    wanted = {str(file.relative_to(ROOT)) for file in files if "__pycache__" not in file.parts}
    missing, more = sorted(wanted - packed), sorted(packed - wanted)
    if missing or more:
        sys.exit(f"error: {wheel} lacks {missing} and has {more} beside what is in the checkout.")
    print(f"{wheel}: {len(packed)} files, those of {', '.join(PACKAGES)}.")


if __name__ == "__main__":
    main(sys.argv[1])
