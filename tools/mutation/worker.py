"""A copy of the project in which one mutant after another is built and tested."""

import os
import re
import resource
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass

LEFT_OUT = {".git", "build", "__pycache__"}
RUNNER = "tests/simt/mutation_runner"
# What the builds of tools/check would say of local arrays and of alignment: the sanitized one, at the price of a trap, and
# the one with warnings as errors (an array without elements does not compile).
OPTIONS = "-fsanitize=bounds-strict,alignment,shift;-fsanitize-undefined-trap-on-error;-Werror=pedantic"

# What is run of each mutant, in this order; the first failure ends it. The quickest and broadest come first.
CONFORMANCE = ("ops/cases", "ops/cases_to*", "ops/!(memory|cases*)", "ops_randomness/*", "pytorch/*", "simt_device/*")
STAGES = (
    ("conformance", {}, CONFORMANCE),
    ("conformance, reverse order", {"CAVIAR_SIMT_SCHEDULE": "reverse"}, ("ops/cases",)),
    ("conformance, random order 1", {"CAVIAR_SIMT_SCHEDULE": "random", "CAVIAR_SIMT_SEED": "1"}, ("ops/cases",)),
    ("conformance, random order 2", {"CAVIAR_SIMT_SCHEDULE": "random", "CAVIAR_SIMT_SEED": "2"}, ("ops/cases",)),
    ("everything else", {}, ("sampler/*", "simt_agreement/*", "ops/cases_beyond*", "population/!(every*)", "simt_faults/*",
                             "whole_step/*")),
    ("200 random schedules", {}, ("simt_schedules/one_bit_pattern",)),
)
QUICK = 4  # the stages of a quick run
# Of what only the whole-step engine is made of, which no operation runs.
WHOLE_STEP = re.compile(r"src/kernels/(product|step_\w+|train_step)\.cuh?")
WHOLE_STEP_STAGES = (
    ("whole step", {}, ("whole_step/*",)),
    ("whole step, reverse order", {"CAVIAR_SIMT_SCHEDULE": "reverse"}, ("whole_step/*",)),
    ("whole step, random order 1", {"CAVIAR_SIMT_SCHEDULE": "random", "CAVIAR_SIMT_SEED": "1"}, ("whole_step/*",)),
    ("whole step, random order 2", {"CAVIAR_SIMT_SCHEDULE": "random", "CAVIAR_SIMT_SEED": "2"}, ("whole_step/*",)),
    ("faults", {}, ("simt_faults/*",)),
    ("whole step, 200 random schedules", {}, ("simt_schedules/whole_step",)),
)


class BuildError(Exception):
    pass


@dataclass(frozen=True)
class Result:
    verdict: str  # killed, survived or stillborn
    by: str       # the stage and what the test said; what the compiler said
    seconds: float


class Worker:
    def __init__(self, root, folder, quick):
        self.root = root
        self.stages = STAGES[:QUICK] if quick else STAGES
        self.tree = folder / "tree"
        self.build = folder / "build"
        self.limits = {}

    def prepare(self):
        """Copies what has changed and builds what there is to build."""
        self._copy()
        self._command("cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                      f"-DCAVIAR_SIMT_OPTIONS={OPTIONS}", "-DCAVIAR_CUDA=OFF", "-DBUILD_TESTING=ON")
        output = self._make()
        if output is not None:
            raise BuildError(f"without a mutation nothing builds:\n{output}")

    def measure(self):
        """Runs everything without a mutation, which must pass, and derives the limits of each stage."""
        for stage, environment, patterns in self.stages + WHOLE_STEP_STAGES:
            begun = time.monotonic()
            failure = self._run(environment, patterns, 3600, 7200)
            if failure is not None:
                raise BuildError(f"without a mutation the tests fail ({stage}): {failure}")
            seconds = time.monotonic() - begun
            self.limits[stage] = (10 + 3 * seconds, 60 + 20 * seconds)

    def test(self, mutant, mutated, original):
        """Builds and tests one mutant, and puts the source back."""
        begun = time.monotonic()
        path = self.tree / mutant.path
        path.write_text(mutated)
        try:
            verdict, by = self._verdict(WHOLE_STEP_STAGES if WHOLE_STEP.fullmatch(mutant.path) else self.stages)
        finally:
            path.write_text(original)
        return Result(verdict, by, time.monotonic() - begun)

    def _verdict(self, stages):
        output = self._make()
        if output is not None:
            errors = [line for line in output.splitlines() if "error" in line]
            return "stillborn", errors[0] if errors else output[-300:]
        for stage, environment, patterns in stages:
            failure = self._run(environment, patterns, *self.limits[stage])
            if failure is not None:
                return "killed", f"{stage}: {failure}"
        return "survived", "" if stages in (STAGES, WHOLE_STEP_STAGES) else "quick"

    def _copy(self):
        """Files that have not changed keep their time, so that nothing is built again for them."""
        kept = set()
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name not in LEFT_OUT]
            for name in files:
                source = os.path.join(folder, name)
                target = self.tree / os.path.relpath(source, self.root)
                kept.add(target)
                content = open(source, "rb").read()
                if target.is_file() and target.read_bytes() == content:
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
                shutil.copymode(source, target)
        for path in list(self.tree.rglob("*")):
            if path.is_file() and path not in kept:
                path.unlink()

    def _command(self, *command):
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise BuildError(f"{' '.join(map(str, command))}:\n{done.stdout}")

    def _make(self):
        """What the compiler said, or None when all is well."""
        done = subprocess.run(["ninja", "-C", str(self.build), "-j", "1", "mutation_runner"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        return None if done.returncode == 0 else done.stdout

    def _run(self, environment, patterns, cpu_limit, wall_limit):
        """What failed first, or None. The limit of processor time is each test's, and holds on a busy machine too."""
        command = [str(self.build / RUNNER), "--fail-fast"]
        for pattern in patterns:
            command += ["--filter", pattern]
        names = ("CAVIAR_SCORECARD", "CAVIAR_LONG")
        variables = {name: value for name, value in os.environ.items() if name not in names}
        variables.update(environment, OMP_NUM_THREADS="1")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=variables,
                                   cwd=self.build, start_new_session=True, preexec_fn=lambda: _limit(int(cpu_limit)))
        try:
            output, _ = process.communicate(timeout=wall_limit)
        except subprocess.TimeoutExpired:
            output = b"no end in sight"
            process.returncode = 1
        finally:
            _end_group(process)
        if process.returncode == 0:
            return None
        lines = output.decode(errors="replace").strip().splitlines()
        said = [line for line in lines if not line.startswith("passed ")]
        return " / ".join(said[-3:])[:600] if said else f"exit status {process.returncode}"


def _limit(cpu_seconds):
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_group(process):
    """Ends the tests that a runner has left, if any."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
