"""Batch files: that for SLURM runs with stand-ins for its commands, that for Kubernetes is parsed."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.test_case import TestCase
from trainers.engine import clusters

COMMAND = ["python", "-m", "trainers.dcgan", "--strategy=multiworker", "--out=/shared/my run", "--steps=5"]
# srun starts one task a node, and has the largest of their exit statuses.
COMMANDS = {
    "scontrol": """
        if [ "$1" = requeue ]; then echo "requeue $2"; else printf 'node7\\nnode8\\n'; fi
    """,
    "srun": """
        while [ "${1#--}" != "$1" ]; do shift; done
        for task in 0 1; do SLURM_PROCID=$task "$@"; done
    """,
    "python": """
        echo "$TF_CONFIG"; printf '%s\\n' "$@"; exit "$STATUS"
    """,
}


class SlurmTest(TestCase):
    def run_file(self, status):
        folder = Path(self.get_temp_dir())
        for name, text in COMMANDS.items():
            (folder / name).write_text(f"#!/bin/bash\n{text}")
            (folder / name).chmod(0o755)
        environment = {
            **os.environ,
            "PATH": f"{folder}:{os.environ['PATH']}",
            "SLURM_JOB_NODELIST": "node[7-8]",
            "SLURM_JOB_ID": "77",
            "STATUS": str(status),
        }
        text = clusters.slurm("keras-gan-dcgan", 2, 0, COMMAND)
        done = subprocess.run(["bash"], input=text, env=environment, capture_output=True, text=True, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (status, ""))
        return done.stdout.splitlines()

    def test_options(self):
        text = clusters.slurm("keras-gan-dcgan", 12, 0, COMMAND)
        options = [line.removeprefix("#SBATCH ") for line in text.splitlines() if line.startswith("#SBATCH")]
        self.assertContainsSubset(["--nodes=12", "--ntasks-per-node=1", "--requeue", "--signal=TERM@120"], options)
        # sbatch reads no option after the first command.
        self.assertLess(text.rindex("#SBATCH"), text.index("set -euo"))

    def test_each_worker_has_its_index(self):
        lines = self.run_file(0)
        self.assertLen(lines, 12)
        for index in range(2):
            config, *arguments = lines[6 * index : 6 * index + 6]
            self.assertEqual(
                json.loads(config),
                {"cluster": {"worker": ["node7:2222", "node8:2222"]}, "task": {"type": "worker", "index": index}},
            )
            self.assertEqual(arguments, COMMAND[1:])

    def test_starts_again_only_after_a_signal(self):
        self.assertEqual(self.run_file(143)[-1], "requeue 77")
        self.assertNotIn("requeue 77", self.run_file(1))


class KubernetesTest(TestCase):
    def test_parsed(self):
        yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
        text = clusters.kubernetes("keras-gan-dcgan", 3, 2, COMMAND)
        service, job = yaml.safe_load_all(text)
        self.assertEqual((service["apiVersion"], service["kind"]), ("v1", "Service"))
        self.assertEqual((job["apiVersion"], job["kind"]), ("batch/v1", "Job"))
        spec = job["spec"]
        self.assertEqual((spec["completionMode"], spec["completions"], spec["parallelism"]), ("Indexed", 3, 3))
        self.assertEqual(spec["backoffLimit"], 6)
        pod = spec["template"]["spec"]
        self.assertEqual(pod["subdomain"], service["metadata"]["name"])
        self.assertEqual(service["spec"]["selector"]["batch.kubernetes.io/job-name"], job["metadata"]["name"])
        [container] = pod["containers"]
        self.assertEqual(container["command"], COMMAND)
        # A variable is put into those after it alone.
        index, config = container["env"]
        self.assertEqual(index["name"], "INDEX")
        self.assertIn("job-completion-index", index["valueFrom"]["fieldRef"]["fieldPath"])
        config = json.loads(config["value"].replace("$(INDEX)", "2"))
        self.assertEqual(config["task"], {"type": "worker", "index": 2})
        self.assertEqual(config["cluster"]["worker"][2], "keras-gan-dcgan-2.keras-gan-dcgan:2222")
        [mount], [volume] = container["volumeMounts"], pod["volumes"]
        self.assertEqual(mount["name"], volume["name"])
