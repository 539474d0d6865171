#!/usr/bin/env python3
"""Prints the digest of caviar_normal_quantile's bits that test_ops_randomness.c holds it to.

The formula is that of src/kernels/randomness.h, with every fused multiply-add rounded once from exact fractions:
nothing of this depends on a C library or a processor. The approximation is algorithm AS 241 (PPND16; Wichura 1988).
"""

import math
import struct
from fractions import Fraction

LN2_HIGH, LN2_LOW = float.fromhex("0x1.62e42fefa39efp-1"), float.fromhex("0x1.abc9e3b39803fp-56")
SQRT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")
A = [2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608]
B = [5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0]
C = [7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734]
D = [1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0]


def fma(a, b, c):
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    return exact.numerator / exact.denominator


def polynomial(coefficients, x):
    p = coefficients[0]
    for coefficient in coefficients[1:]:
        p = fma(p, x, coefficient)
    return p


def log(x):
    m, e = math.frexp(x)
    if m < SQRT_HALF:
        m, e = m * 2.0, e - 1
    s = (m - 1.0) / (m + 1.0)
    p = polynomial([1.0 / n for n in range(23, 0, -2)], s * s)
    return fma(float(e), LN2_HIGH, fma(float(e), LN2_LOW, 2.0 * s * p))


def quantile(p):
    q = p - 0.5
    if abs(q) <= 0.425:
        r = fma(-q, q, 0.180625)
        return q * polynomial(A, r) / polynomial(B, r)
    r = math.sqrt(-log(p if q < 0.0 else 1.0 - p)) - 1.6
    above, below = polynomial(C, r), polynomial(D, r)
    return -above / below if q < 0.0 else above / below


def main():
    digest = 0xcbf29ce484222325  # FNV-1a
    for i in range(20, 20000):
        p = i * i * i * 1.25e-13  # from 1e-9 up, most of them small
        for byte in struct.pack("<d", quantile(p)) + struct.pack("<d", quantile(1.0 - p)):
            digest = (digest ^ byte) * 0x100000001b3 % 2**64
    print(f"{digest:#x}")


main()
