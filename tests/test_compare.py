"""bench/compare on records made here: each verdict, and what is refused."""
import copy
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

COMPARE = pathlib.Path(__file__).parent.parent / "bench" / "compare"


def samples(median, spread, seed):
    values = random.Random(seed)
    return [median * (1 + spread * values.uniform(-1, 1)) for _ in range(30)]


def timing(values):
    return {"median": sorted(values)[len(values) // 2], "samples": values}


def row(name, warm, cold=None, verdict="ok"):
    return {"name": name, "verdict": verdict, "throttled": False, "warm": timing(warm),
            "cold": timing(cold) if cold else None}


def record(*rows):
    return {"schema": "caviar-bench-1", "trial": False, "header": {"device": {"description": "a device"}},
            "rows": list(rows)}


class Compare(unittest.TestCase):
    def compare(self, before, after, *options):
        with tempfile.TemporaryDirectory() as folder:
            paths = [pathlib.Path(folder) / name for name in ("before.json", "after.json")]
            for path, content in zip(paths, (before, after)):
                path.write_text(content if isinstance(content, str) else json.dumps(content))
            done = subprocess.run([sys.executable, COMPARE, *paths, *options], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def verdict(self, before, after, *options):
        code, out, error = self.compare(record(row("a", before)), record(row("a", after)), *options)
        self.assertEqual(error, "")
        return out.splitlines()[2].split("|")[-2].strip(), code

    def test_tells_faster_slower_and_noise(self):
        base = samples(1e-3, 0.02, 1)
        self.assertEqual(self.verdict(base, samples(0.8e-3, 0.02, 2)), ("faster", 0))
        self.assertEqual(self.verdict(base, samples(1.2e-3, 0.02, 3)), ("slower", 1))
        self.assertEqual(self.verdict(base, samples(1e-3, 0.02, 4)), ("noise", 0))

    def test_a_small_certain_difference_is_noise_below_the_threshold(self):
        base, after = samples(1e-3, 0.001, 1), samples(1.02e-3, 0.001, 2)
        self.assertEqual(self.verdict(base, after), ("noise", 0))
        self.assertEqual(self.verdict(base, after, "--threshold", "1"), ("slower", 1))

    def test_a_large_uncertain_difference_is_noise(self):
        wide = [1e-3, 5e-3] * 15
        self.assertEqual(self.verdict(wide[:29], wide[1:30]), ("noise", 0))

    def test_p_is_that_of_scipy(self):
        """scipy.stats.mannwhitneyu(method="asymptotic") in 1.17.1 gives 0.00215 and 0.134."""
        for before, after, p in (([100 + i for i in range(30)], [108 + i for i in range(30)], "0.002"),
                                 ([1, 1, 2, 3], [2, 3, 3, 4], "0.1")):
            _, out, _ = self.compare(record(row("a", before)), record(row("a", after)))
            self.assertEqual(out.splitlines()[2].split("|")[-3].strip(), p)

    def test_equal_samples_are_noise(self):
        self.assertEqual(self.verdict([1e-3] * 30, [1e-3] * 30), ("noise", 0))

    def test_compares_cold_windows_where_both_have_them(self):
        base = samples(1e-3, 0.01, 1)
        slow = record(row("a", base, samples(3e-3, 0.01, 2)))
        fast = record(row("a", base, samples(2e-3, 0.01, 3)))
        code, out, _ = self.compare(fast, slow)
        self.assertEqual((code, "slower" in out), (1, True))
        code, out, _ = self.compare(record(row("a", base)), slow)
        self.assertEqual((code, "noise" in out), (0, True))

    def test_a_wrong_result_fails_however_fast(self):
        base = samples(1e-3, 0.01, 1)
        code, out, _ = self.compare(record(row("a", base)), record(row("a", base, verdict="wrong")))
        self.assertEqual((code, "wrong" in out), (1, True))

    def test_counts_new_and_gone_cases(self):
        base = samples(1e-3, 0.01, 1)
        code, out, _ = self.compare(record(row("a", base), row("b", base)), record(row("a", base), row("c", base)))
        self.assertEqual(code, 0)
        self.assertEqual(out.splitlines()[-1], "1 gone, 1 new, 1 noise")

    def test_refuses_what_cannot_be_compared(self):
        good = record(row("a", samples(1e-3, 0.01, 1)))
        trial, other, foreign = (copy.deepcopy(good) for _ in range(3))
        trial["trial"] = True
        other["header"]["device"]["description"] = "another device"
        foreign["schema"] = "something else"
        for bad, word in ((trial, "trial"), (other, "different devices"), (foreign, "schema"), ("{", "before"),
                          (record(row("z", [1.0])), "in common")):
            code, _, error = self.compare(bad, good)
            self.assertEqual((code, word in error), (2, True), error)
        self.assertEqual(self.compare(other, good, "--across")[0], 0)


unittest.main()
