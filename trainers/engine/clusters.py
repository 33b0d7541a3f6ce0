"""Batch files that start a training with several workers on a cluster: for SLURM and for Kubernetes."""

import json
import shlex
import string

PORT = 2222

_SLURM = string.Template(r"""#!/bin/bash
# Of your cluster's own are missing: --partition, --time, --cpus-per-task, --gpus-per-node.
#SBATCH --job-name=$name
#SBATCH --nodes=$workers
#SBATCH --ntasks-per-node=1
#SBATCH --requeue
#SBATCH --signal=TERM@120
#SBATCH --output=%x-%j.log
set -euo pipefail

# After a lost node or at the time's end SLURM starts this again: the run goes on from its last checkpoint.
addresses=$$(scontrol show hostnames "$$SLURM_JOB_NODELIST" | sed 's/.*/"&:$port"/' | paste -sd,)
export addresses
status=0
srun --kill-on-bad-exit=0 --output=%x-%j-worker-%t.log bash -c '
task="{\"type\": \"worker\", \"index\": $$SLURM_PROCID}"
export TF_CONFIG="{\"cluster\": {\"worker\": [$$addresses]}, \"task\": $$task}"
exec "$$@"
' worker $command || status=$$?
if [ "$$status" -eq 143 ]; then  # stopped by SIGTERM, and saved
  scontrol requeue "$$SLURM_JOB_ID"
fi
exit "$$status"
""")

_KUBERNETES = string.Template("""# Yours are: the image, with this package, and a claim on a volume that all write to.
# Pods find each other by the names that the headless service gives them, $name-0.$name and so on.
apiVersion: v1
kind: Service
metadata:
  name: $name
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    batch.kubernetes.io/job-name: $name
---
apiVersion: batch/v1
kind: Job
metadata:
  name: $name
spec:
  completionMode: Indexed
  completions: $workers
  parallelism: $workers
  # One lost pod ends all others, and each counts: this is $restarts times all workers.
  backoffLimit: $failures
  template:
    spec:
      subdomain: $name
      restartPolicy: Never
      terminationGracePeriodSeconds: 120
      containers:
        - name: worker
          image: keras-gan
          command: $command
          ports:
            - containerPort: $port
          env:
            - name: INDEX
              valueFrom:
                fieldRef:
                  fieldPath: metadata.annotations['batch.kubernetes.io/job-completion-index']
            - name: TF_CONFIG
              value: $config
          volumeMounts:
            - name: shared
              mountPath: /shared
      volumes:
        - name: shared
          persistentVolumeClaim:
            claimName: keras-gan
""")


def slurm(name, workers, restarts, command):
    """A batch file for `sbatch`: one worker a node, started again after a lost node or at the end of its time.

    Args:
        name: Name of the job.
        workers: Number of workers.
        restarts: Ignored: SLURM has a limit of its own.
        command: List of arguments, the command of each worker.

    Returns:
        Text of the file.
    """
    return _SLURM.substitute(name=name, workers=workers, port=PORT, command=shlex.join(command))


def kubernetes(name, workers, restarts, command):
    """A manifest for `kubectl apply`: an indexed Job of as many pods, and the service that gives them names.

    Args:
        name: Name of the job and the service.
        workers: Number of workers.
        restarts: How often all workers may start again.
        command: List of arguments, the command of each worker.

    Returns:
        Text of the file, in YAML.
    """
    addresses = [f"{name}-{index}.{name}:{PORT}" for index in range(workers)]
    # Kubernetes itself puts the index in, which is no text in JSON.
    config = json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": 0}})
    config = config.replace('"index": 0', '"index": $(INDEX)')
    return _KUBERNETES.substitute(
        name=name,
        workers=workers,
        restarts=restarts,
        failures=restarts * workers,
        port=PORT,
        command=json.dumps(command),
        config=json.dumps(config),
    )


TEMPLATES = {"slurm": slurm, "kubernetes": kubernetes}
