"""Which mutants there are: the classes, what belongs to each and what does not."""

import re
from dataclasses import dataclass

SCOPE = """\
Classes of mutants, over src/kernels/*.cu, *.cuh and randomness.h:
  barrier     each __syncthreads() is deleted
  warp        each __syncwarp() is deleted, and each shuffle replaced by the lane's own value
  bounds      each comparison is turned round (`<` to `>=`, `==` to `!=`)
  off-by-one  each comparison by order gets or loses its equality (`<` to `<=`, `>=` to `>`)
  constant    each number of the numerics is changed: a floating one by a thousandth (0 to 0.001, FLT_MAX halved,
              INFINITY to FLT_MAX), an integer by one (0 to 1, -1 to 0; the extents of arrays by -1; a mask loses its last lane)

Not mutated, since these are neither bounds checks nor constants of the numerics:
  comparisons  with CUDA's, cuBLAS' and caviar's error codes; with nullptr in code that only the host runs; the
               choices of cuBLAS' workspace by stream, of the order in which threads take the rows of softmax, of the
               whole-step engine's tile and groups, and of when it loads parameters. Those of template parameters with
               numbers and in the choice of an instance get no off-by-one: they choose between instances that compute the
               same, and turning them round is enough.
  constants    integers that are one side of a comparison or the 0 that a loop begins with: `<=` for `<` is their change;
               those of host code without arithmetic (device.cu, memory.cu, program.cu, scope.cu and device.cuh); shapes in the
               head of an error message; the tunables below, __launch_bounds__ and the arguments of templates and of
               blocks_y, with any value of which a kernel computes the same
  and code that only nvcc compiles (the launch in launch.cuh), and what a static_assert says
Tunables: {tunables}.
"""

TUNABLES = ("caviar_cuda_enough_models", "gather_rows", "initialize_threads", "loaded_examples", "metrics_down",
            "most_thread_quads", "most_warp_held", "sample_threads", "schedule_threads", "softmax_threads",
            "update_elements", "update_threads")
CLASSES = ("barrier", "warp", "bounds", "off-by-one", "constant")

# Lines that choose between two ways to compute the same.
CHOICES = ("if (a.logits.model_stride <= a.logits.example_stride) return { index / a.models, index % a.models };",
           "const bool by_example = a.logits.model_stride <= a.logits.example_stride;",
           "const int64_t example_stride = a.padded_classes * (by_example ? a.models : 1);",
           "const int64_t model_stride = a.padded_classes * (by_example ? 1 : a.batch);",
           "return dim3(quads_across, batch <= 128 ? most_examples_down / 2 : most_examples_down);",
           "return batch <= 32 ? 32 : batch <= 64 ? 64 : most_batch;",
           "const int most = in % together > gradient_rows ? in : in - in % together;",
           "constexpr int under_way = count < most_under_way ? count : most_under_way;",
           "return held == 8 ? with_eight : held == 0 ? 2 : 3;",
           "return matrix.data == nullptr || (matrix.example_stride == example_stride && matrix.model_stride == model_stride);",
           "return quads | 1;",
           "if (scope->stream == branch.stream)")

HOST_ONLY = ("device.cu", "device.cuh", "memory.cu", "program.cu", "scope.cu")
TURNED = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
OFF_BY_ONE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
ERROR_CODE = re.compile(r"cudaSuccess|cudaError\w*|CUBLAS_STATUS_\w+|CAVIAR_(OK|DEVICE_LOST|OUT_OF_DEVICE_MEMORY)")


@dataclass(frozen=True)
class Mutant:
    kind: str
    path: str
    line: int
    text: str  # of the line
    old: str
    new: str
    start: int
    end: int
    replacement: str
    occurrence: int = 1  # among those that are equal in all that `key` says before it

    @property
    def key(self):
        return f"{self.kind} {self.path} `{self.old}` -> `{self.new}` #{self.occurrence}", self.text

    @property
    def title(self):
        return f"{self.path}:{self.line}: {self.kind}: `{self.old}` -> `{self.new}` in `{self.text}`"


class Finder:
    """Finds the mutants of one source."""

    def __init__(self, source):
        self.source = source
        self.tokens = source.tokens
        self.host_only = source.path.rsplit("/", 1)[-1] in HOST_ONLY
        self.found = []
        self.excluded = self._excluded_tokens()

    def find(self):
        asserted = 0
        for i, token in enumerate(self.tokens):
            if token.text == "static_assert":
                asserted = self.source.matching(i + 1)
            if i < asserted:
                continue
            if token.text in ("__syncthreads", "__syncwarp"):
                self._delete_call(i)
            elif token.text.startswith("__shfl"):
                self._own_value(i)
            elif token.text in TURNED and self._is_comparison(i):
                self._comparison(i)
            elif not self.host_only and i not in self.excluded:
                self._constant(i)
        return self.found

    def _add(self, kind, start, end, new, replacement=None):
        source = self.source
        old = source.text[start:end]
        self.found.append(Mutant(kind, source.path, source.line_number(start), source.line(start), old, new, start, end,
                                 new if replacement is None else replacement))

    # ------------------------------------------------------------------------------------- barriers and warp collectives
    def _delete_call(self, i):
        kind = "barrier" if self.tokens[i].text == "__syncthreads" else "warp"
        end = self.tokens[self.source.matching(i + 1)].end
        self._add(kind, self.tokens[i].start, end, "", "(void)0")

    def _own_value(self, i):
        closing = self.source.matching(i + 1)
        commas = [j for j in self._top_level(i + 1, closing) if self.tokens[j].text == ","]
        start, end = self.tokens[commas[0]].end, self.tokens[commas[1]].start
        value = self.source.text[start:end].strip()
        self._add("warp", self.tokens[i].start, self.tokens[closing].end, value, f"({value})")

    def _top_level(self, opening, closing):
        depth = 0
        for j in range(opening + 1, closing):
            depth += (self.tokens[j].text in "([{") - (self.tokens[j].text in ")]}")
            if depth == 0:
                yield j

    # --------------------------------------------------------------------------------------------------------- comparisons
    def _is_comparison(self, i):
        """Spaces tell an operator from a template's brackets: clang-format puts them there."""
        token, text = self.tokens[i], self.source.text
        if self.tokens[i - 1].text == "template" or text[token.start - 1] not in " \n" or text[token.end] not in " \n":
            return False
        right = self.tokens[i + 1].text
        if ERROR_CODE.fullmatch(right) or (right == "nullptr" and self.host_only):
            return False
        return self.source.line(token.start) not in CHOICES

    def _comparison(self, i):
        token = self.tokens[i]
        self._add("bounds", token.start, token.end, TURNED[token.text])
        if token.text in OFF_BY_ONE and not self._chooses_an_instance(i):
            self._add("off-by-one", token.start, token.end, OFF_BY_ONE[token.text])

    def _chooses_an_instance(self, i):
        line = self.source.line(self.tokens[i].start)
        following = self.source.text[self.tokens[i].start:].split(";", 1)[0]
        return (self.tokens[i - 1].text in ("held", "optimizer") or "most_warp_held" in line or "most_thread_quads" in line
                or re.search(r"\breturn (CAVIAR_LAUNCH|launch_)", following) is not None)

    # ----------------------------------------------------------------------------------------------------------- constants
    def _excluded_tokens(self):
        """The indices of tokens whose numbers are no constants of the numerics."""
        excluded = set()
        for i, token in enumerate(self.tokens):
            following = self.tokens[i + 1].text if i + 1 < len(self.tokens) else ""
            if self.source.line(token.start) in CHOICES:
                excluded.add(i)
            if token.text in ("__launch_bounds__", "blocks_y") and following == "(":
                excluded.update(range(i, self.source.matching(i + 1)))
            elif token.text == "caviar_cuda_scope" and following == "scope":
                excluded.update(range(i, self.source.matching(i + 2)))
            elif token.text in TUNABLES and following == "=":
                excluded.add(i + 2)
            elif token.text == "<" and not self._is_comparison(i):
                excluded.update(self._template_arguments(i))
        return excluded

    def _template_arguments(self, i):
        depth = 0
        for j in range(i, min(i + 64, len(self.tokens))):
            depth += (self.tokens[j].text == "<") - (self.tokens[j].text == ">")
            if depth == 0:
                return range(i, j)
        return range(i, i)

    def _constant(self, i):
        token = self.tokens[i]
        replacement = {"FLT_MAX": "(FLT_MAX * 0.5f)", "INFINITY": "3.4028234663852886e38f"}.get(token.text)
        if token.kind == "number":
            replacement = self._number(i, token.text)
        if replacement is not None:
            self._add("constant", token.start, token.end, replacement)

    def _number(self, i, text):
        hexadecimal = text.lower().startswith("0x")
        if "." in text or "p" in text.lower() or (not hexadecimal and "e" in text.lower()):
            suffix = "f" if text.lower().endswith("f") and (not hexadecimal or "p" in text.lower()) else ""
            if re.fullmatch(r"0\.0*f?", text):
                return f"0.001{suffix}"
            return f"({text} * 1.001{suffix})"
        suffix = re.search(r"[uUlL]*$", text).group()
        if self._is_side(i) or self._begins_a_loop(i):
            return None
        value = int(text[:len(text) - len(suffix)], 0)
        if value == 0xffffffff:
            return "0x7fffffffu"
        return f"{value - 1 if self._is_extent(i) or self._is_negated(i) else value + 1}{suffix}"

    def _is_negated(self, i):
        return self.tokens[i - 1].text == "-" and self.tokens[i - 2].text in ("(", ",", "=", "?", ":", "return", "{")

    def _is_extent(self, i):
        """Whether a number is in the extent of an array's declaration or of CAVIAR_SHARED."""
        line = self.source.line(self.tokens[i].start)
        if line.startswith("CAVIAR_SHARED"):
            return True
        return re.match(r"(float|quad|uint32_t) \w+\[", line) is not None

    def _is_side(self, i):
        """Whether a number is all of one side of a comparison, where it is changed by changing the comparison."""
        before, after = self.tokens[i - 1].text, self.tokens[i + 1].text
        return before in TURNED and self._is_comparison(i - 1) and after in (")", ";", "&&", "||", "?", ",")

    def _begins_a_loop(self, i):
        return (self.tokens[i].text == "0" and self.tokens[i - 1].text == "=" and
                any(self.tokens[j].text == "for" for j in range(max(0, i - 5), i)))


def find_mutants(sources):
    """All mutants, with equal ones of a file numbered in their order."""
    mutants, counts = [], {}
    for source in sources:
        for mutant in Finder(source).find():
            key = mutant.key
            counts[key] = counts.get(key, 0) + 1
            mutants.append(Mutant(**{**mutant.__dict__, "occurrence": counts[key]}))
    return mutants
