"""PESQ (ITU-T P.862) of pairs of files: raw signed 16-bit little-endian mono, at 16 kHz for
"wb" (P.862.2) and at 8 kHz for "nb" (P.862.1).

Usage: pesq_score.py wb|nb REFERENCE DEGRADED [REFERENCE DEGRADED ...]
Prints one score a line, from 1.0 (bad) to 4.64 (wb) or 4.55 (nb), the same.
"""

import sys

import numpy
from pesq import pesq

RATES_HZ = {"wb": 16000, "nb": 8000}


def main(band, paths):
    if band not in RATES_HZ or not paths or len(paths) % 2:
        sys.exit(__doc__)
    for reference, degraded in zip(paths[::2], paths[1::2]):
        waves = [numpy.fromfile(path, dtype="<i2") for path in (reference, degraded)]
        print(f"{pesq(RATES_HZ[band], *waves, band):.4f}", flush=True)


main(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:])
