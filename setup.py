from pathlib import Path

from setuptools import find_packages, setup

EXTRAS = {
    "gpu": ["tensorflow[and-cuda]>=2.21,<2.22"],
    "serve": ["waitress>=3,<4", "werkzeug>=3,<4", "grpcio>=1.71", "tensorflow-serving-api>=2.21,<2.22"],
    "onnx": ["tf2onnx>=1.17", "onnx>=1.17", "onnxruntime>=1.20"],
    "ray": ["ray[train]>=2.50"],  # trainers.launch --engine=ray
    # What tests/test_experiment_trackers.py needs, which is skipped without.
    "trackers": ["wandb", "mlflow-skinny", "keras-tuner"],
    # The site and the guides: see docs/conf.py and docs/execute.py.
    "docs": [
        "sphinx>=8",
        "myst-nb>=1.2",
        "pydata-sphinx-theme>=0.16",
        "sphinx-design>=0.6",
        "sphinx-copybutton>=0.5",
        "jupytext>=1.16",
        "latex2mathml>=3.77",
        "codespell>=2.3",
    ],
    # Other implementations of the metrics.
    "bench": [
        "clean-fid>=0.1.35",
        "efficientnet-lite-pytorch",
        "prdc>=0.2",
        "scikit-learn>=1.4",
        "torch",
        "torch-fidelity>=0.4",
    ],
}
EXTRAS["test"] = [
    "hypothesis>=6.100",
    "pytest>=8",
    "pytest-xdist>=3.6",
    "ruff>=0.6",
    *EXTRAS["onnx"],
    *EXTRAS["serve"],
]

setup(
    name="keras_gan",
    version="0.2.0",
    description="Generative adversarial networks for Keras 3 and TensorFlow: train, evaluate, resume, serve",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["keras_gan*", "trainers*", "export*"]),
    entry_points={"console_scripts": ["keras-gan = trainers.command:main"]},
    package_data={
        "keras_gan": ["py.typed"],
        "keras_gan.data": ["digits/*"],
        "keras_gan.networks": ["trained/*/*"],
        "keras_gan.metrics.features": ["weights/*.json", "weights/*.npz", "weights/*.txt"],
        "trainers.evaluation": ["*.css", "*.html"],
        "trainers.forgetting": ["*.html"],
        "export.stand_in": ["*.html"],
    },
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15,<3.16",
        "tensorboard>=2.20",
        "tensorflow-datasets>=4.9.10",
        "importlib_resources",  # tensorflow-datasets imports it and does not declare it
        "ai-edge-litert>=2.1",  # the interpreter that exported .tflite files are checked in
        "absl-py>=2.1",
        "etils[epath]>=1.9",  # paths that may be gs://
        "matplotlib>=3.8",
        "jinja2>=3.1",
        "numpy>=1.26",
        "pillow>=10.1",
        "scipy>=1.12",
        "tqdm>=4.60",
    ],
    extras_require=EXTRAS,
)
