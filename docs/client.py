"""Images from a generator that TensorFlow Serving, or the stand-in for it, has loaded.

    python client.py http://localhost:8501/v1/models/digits --seeds 7 8 9 --label 3

Needs nothing but Python: no TensorFlow, no other packages.
"""

import argparse
import base64
import json
import pathlib
import sys
import urllib.error
import urllib.request


def ask(address, request=None, timeout=60):
    """The answer to a GET, or to a POST of `request`; errors of the server become `RuntimeError`."""
    body = None if request is None else json.dumps(request).encode()
    try:
        with urllib.request.urlopen(address, body, timeout) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(json.load(error)["error"]) from error


def images(model, seeds, truncation=1.0, label=None):
    """PNG files, as bytes, of a model's address: one for each seed."""
    rows = [{"seed": seed, "truncation": truncation} for seed in seeds]
    if label is not None:
        rows = [{**row, "label": label} for row in rows]
    answer = ask(f"{model}:predict", {"signature_name": "sample_png", "instances": rows})
    return [base64.b64decode(image["b64"]) for image in answer["predictions"]]


def main():
    """Reads the command line and writes one file for each seed."""
    parser = argparse.ArgumentParser(description="Writes images of a served generator as PNG files.")
    parser.add_argument("model", help="for example http://localhost:8501/v1/models/digits")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--truncation", type=float, default=1.0, help="0 to 1")
    parser.add_argument("--label", type=int, help="index of the class, for a generator that has classes")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(), help="folder for the files")
    args = parser.parse_args()
    try:
        versions = ask(args.model)["model_version_status"]
        available = [entry["version"] for entry in versions if entry["state"] == "AVAILABLE"]
        print("available versions:", *available)
        files = images(args.model, args.seeds, args.truncation, args.label)
    except (RuntimeError, OSError) as error:
        sys.exit(f"error: {error}")
    for seed, file in zip(args.seeds, files, strict=True):
        path = args.out / f"{seed}.png"
        path.write_bytes(file)
        print(path)


if __name__ == "__main__":
    main()
