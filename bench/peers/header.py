"""The head of a record: what caviar-bench knows of the device, the machine and itself, and the cores to use."""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CORES = len(os.sched_getaffinity(0))


class Unusable(Exception):
    """caviar-bench, the device or the folder of records cannot be used; the text says why."""


def check_folder(out):
    """Before anything is measured that would then be lost."""
    if not os.path.isdir(out) or not os.access(out, os.W_OK):
        raise Unusable(f"--out {out} is no folder that can be written into")


def device_name(device):
    """As caviar calls it."""
    return "cuda:0" if device == "cuda" else device


def read_header(caviar_bench, device):
    """The header and the warnings so far; the device is "cpu" or "cuda"."""
    if not os.access(caviar_bench, os.X_OK):
        raise Unusable(f"{caviar_bench} is not there: cmake --build build/release --target caviar-bench, or "
                       "--caviar-bench FILE")
    done = subprocess.run([caviar_bench, "--header", "--device", device_name(device)], capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"caviar-bench: exit code {done.returncode}"]
        raise Unusable(f"--device {device}: {said[-1]}")
    known = json.loads(done.stdout.strip().splitlines()[-1])
    known["header"]["device"]["cores"] = CORES
    return known["header"], known["warnings"]
