"""Claims about the generated pairs that the other tests rest on: every awkward kind is among them."""

import numpy as np
import pytest
from hypothesis import find, settings
from hypothesis import strategies as st

from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.scores import Emptiness

KINDS = {
    "both empty": lambda pair: pair.emptiness is Emptiness.BOTH,
    "missed": lambda pair: pair.emptiness is Emptiness.MISSED,
    "spurious": lambda pair: pair.emptiness is Emptiness.SPURIOUS,
    "a single voxel": lambda pair: pair.overlap.reference == 1 and pair.overlap.prediction > 1,
    "full": lambda pair: pair.overlap.reference == pair.overlap.grid and pair.overlap.prediction > 0,
    "equal": lambda pair: pair.overlap.shared > 1 and np.array_equal(pair.reference, pair.prediction),
    "apart": lambda pair: pair.emptiness is Emptiness.NEITHER and pair.overlap.shared == 0,
    "touching the border": lambda pair: pair.dimensions == 3 and pair.reference[:, 0].any() and pair.overlap.dice < 1,
    "anisotropic": lambda pair: len(set(pair.spacing_mm)) == 3,
    "one slice": lambda pair: pair.reference.shape[0] == 1 and pair.dimensions == 3,
    "a slice in 2D": lambda pair: pair.dimensions == 2 and pair.emptiness is Emptiness.NEITHER,
}


@pytest.mark.parametrize("kind", KINDS)
def test_among_the_generated_pairs_are_some_that_are(kind):
    find(st.from_type(MaskPair), KINDS[kind], settings=settings(database=None, derandomize=True, max_examples=1000))
