"""The kernels' sources as tokens, and what of them is not compiled for the emulator."""

import re
from dataclasses import dataclass

TOKEN = re.compile(r"""
    (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<directive>(?<![^\n])[ ]*\#(?:\\\n|[^\n])*)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<number>(?:0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*(?:[pP][+-]?[0-9]+)?|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
               [uUlLfF]*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<operator><<=|>>=|->|<<|>>|<=|>=|==|!=|&&|\|\||::|[-+*/%&|^=]=|\+\+|--|[^\s\w])
""", re.VERBOSE | re.DOTALL)


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int

    @property
    def end(self):
        return self.start + len(self.text)


class Source:
    """One file: its text, its tokens without comments, directives and strings, and its lines."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.tokens = []
        hidden = _HiddenCode()
        for match in TOKEN.finditer(text):
            kind = match.lastgroup
            if kind == "directive":
                hidden.directive(match.group())
            elif kind not in ("comment", "string") and not hidden.now:
                self.tokens.append(Token(kind, match.group(), match.start()))

    def line_number(self, position):
        return self.text.count("\n", 0, position) + 1

    def line(self, position):
        start = self.text.rfind("\n", 0, position) + 1
        return self.text[start:self.text.find("\n", position)].strip()

    def matching(self, index):
        """The index of the bracket that closes the one at `index`."""
        opening = self.tokens[index].text
        closing = {"(": ")", "[": "]", "{": "}"}[opening]
        depth = 0
        for i in range(index, len(self.tokens)):
            depth += (self.tokens[i].text == opening) - (self.tokens[i].text == closing)
            if depth == 0:
                return i
        raise ValueError(f"{self.path}: a bracket of line {self.line_number(self.tokens[index].start)} is not closed")

    def mutated(self, start, end, replacement):
        return self.text[:start] + replacement + self.text[end:]


class _HiddenCode:
    """Whether code is the other branch of `#ifdef CAVIAR_SIMT`, which only nvcc compiles."""

    def __init__(self):
        self.branches = []

    @property
    def now(self):
        return any(self.branches)

    def directive(self, text):
        word = re.match(r"\s*#\s*(\w+)\s*(\w*)", text)
        if word is None:
            return
        name, argument = word.groups()
        if name in ("if", "ifdef", "ifndef"):
            self.branches.append(None if name == "ifdef" and argument == "CAVIAR_SIMT" else False)
        elif name == "else" and self.branches[-1] is None:
            self.branches[-1] = True
        elif name == "endif":
            self.branches.pop()
