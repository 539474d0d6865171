"""The file of known survivors: why each changes nothing that anybody could see."""


class SurvivorsError(Exception):
    pass


def read_survivors(path):
    """
    The reasons by key. Blocks are separated by empty lines: the mutation, the source line, and the reason:
        off-by-one src/kernels/x.cu `<` -> `<=` #1
            if (index < count) ...
            Why it changes nothing.
    """
    reasons = {}
    blocks = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#")).split("\n\n")
    for block in blocks:
        lines = [line.strip() for line in block.strip().splitlines()]
        if not lines:
            continue
        if len(lines) < 3:
            raise SurvivorsError(f"{path}: `{lines[0]}`: a block is the mutation, the source line and the reason")
        key = lines[0], lines[1]
        if key in reasons:
            raise SurvivorsError(f"{path}: `{lines[0]}` in `{lines[1]}` is there twice")
        reasons[key] = " ".join(lines[2:])
    return reasons
