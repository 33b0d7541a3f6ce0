"""Several workers on a Ray cluster, through its data-parallel trainer, which starts all again after one is lost."""

import ctypes
import signal
import subprocess
import sys
from pathlib import Path

_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux' prctl


def run(worker, count, restarts, out):
    """Trains with as many workers, each on one slot of a processor.

    Args:
        worker: List of arguments after Python's own, the command of each worker.
        count: Number of workers.
        restarts: How often all may start again.
        out: The run's folder, which all of them can read. Ray keeps its own notes beside it.

    Raises:
        OSError: If the workers failed once more than that; with the reason of the last time.
    """
    from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.tensorflow.config import TensorflowConfig
    from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

    out = Path(out).absolute()
    trainer = DataParallelTrainer(
        train,
        train_loop_config={"worker": worker, "folder": str(Path.cwd())},
        # Of Ray's TensorFlow only what tells the workers of each other.
        backend_config=TensorflowConfig(),
        scaling_config=ScalingConfig(num_workers=count),
        run_config=RunConfig(
            name=f"{out.name}-ray",
            storage_path=str(out.parent),
            failure_config=FailureConfig(max_failures=restarts),
        ),
    )
    try:
        trainer.fit()
    except TrainingFailedError as error:
        raise OSError(f"Training on Ray failed: {str(error).strip().splitlines()[-1]}") from None


def train(config):
    """One worker's part: trains in a process of its own, because Ray calls this in a thread, where signals do not come.

    Args:
        config: Dictionary of the `worker`'s arguments, and the `folder` to run in.

    Raises:
        RuntimeError: If the process fails.
    """
    command = [sys.executable, *config["worker"]]
    process = subprocess.Popen(
        command, cwd=config["folder"], stderr=subprocess.PIPE, text=True, preexec_fn=_die_with_parent
    )
    errors = process.communicate()[1].strip().splitlines()
    if process.returncode:
        raise RuntimeError(f"{errors[-1] if errors else 'no word'} (exit status {process.returncode})")


def _die_with_parent():
    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
