#!/usr/bin/env python3
"""Prints the digest of caviar_exp10's bits that test_ops_randomness.c holds it to.

The formula is that of src/kernels/randomness.h, with every fused multiply-add rounded once from exact fractions:
nothing of this depends on a C library or a processor.
"""

import math
import struct
from fractions import Fraction

LOG2_10_HIGH, LOG2_10_LOW = float.fromhex("0x1.a934f0979a371p+1"), float.fromhex("0x1.7f2495fb7fa6dp-53")
LN2 = float.fromhex("0x1.62e42fefa39efp-1")
COEFFICIENTS = [1.0 / math.factorial(n) for n in range(13, -1, -1)]


def fma(a, b, c):
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    return exact.numerator / exact.denominator


def exp10(x):
    n = round(x * LOG2_10_HIGH)
    y = fma(x, LOG2_10_LOW, fma(x, LOG2_10_HIGH, -float(n))) * LN2
    p = COEFFICIENTS[0]
    for coefficient in COEFFICIENTS[1:]:
        p = fma(p, y, coefficient)
    return math.ldexp(p, n)


def main():
    digest = 0xcbf29ce484222325  # FNV-1a
    for i in range(-20000, 20000):
        for byte in struct.pack("<d", exp10(i * 0.01234567890123)):
            digest = (digest ^ byte) * 0x100000001b3 % 2**64
    print(f"{digest:#x}")


main()
