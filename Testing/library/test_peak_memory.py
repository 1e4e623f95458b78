"""Claims about `peak_memory`: it is that of this process, and does not go down."""

import subprocess
import sys

import numpy as np

from CardioSAMLib.peak_memory import highest_rss_mb

TWICE_NOT_AT_ONCE = """
import numpy as np
from CardioSAMLib.peak_memory import highest_rss_mb
first = highest_rss_mb()
np.ones(25_000_000)
print(first, highest_rss_mb())
"""


def test_what_was_given_back_still_counts_and_what_the_parent_has_taken_does_not():
    taken_mb = 200_000_000 / 2**20
    held = np.ones(50_000_000)  # by the parent: twice as much
    run = [sys.executable, "-c", TWICE_NOT_AT_ONCE]
    first, last = map(float, subprocess.run(run, capture_output=True, text=True, check=True).stdout.split())
    assert highest_rss_mb() > held.nbytes / 2**20
    assert first < held.nbytes / 2**20
    assert taken_mb * 0.9 < last - first < taken_mb * 1.2
