"""PESQ-WB (ITU-T P.862.2) of pairs of files: raw signed 16-bit little-endian mono at 16 kHz.

Usage: pesq_wb.py REFERENCE DEGRADED [REFERENCE DEGRADED ...]
Prints one score a line, from 1.0 (bad) to 4.64 (the same).
"""

import sys

import numpy
from pesq import pesq


def main(paths):
    if not paths or len(paths) % 2:
        sys.exit(__doc__)
    for reference, degraded in zip(paths[::2], paths[1::2]):
        waves = [numpy.fromfile(path, dtype="<i2") for path in (reference, degraded)]
        print(f"{pesq(16000, *waves, 'wb'):.4f}", flush=True)


main(sys.argv[1:])
