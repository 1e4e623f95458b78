"""How hypothesis makes a `MaskPair`: small, of every awkward kind, in 2D and 3D."""

import numpy as np
import pytest
from hypothesis import strategies as st

from CardioSAMLib.evaluation.masks import MaskPair

KINDS = ("empty", "voxel", "full", "box", "box", "noise", "noise", "blob", "blob")
# No distance made of them is close to 2 mm without being 2 mm: which is within the tolerance does not hang on rounding.
SPACINGS_MM = (0.5, 0.7, 1.0, 1.37, 1.5625, 3.0, 10.0)


@st.composite
def mask_pairs(draw: st.DrawFn) -> MaskPair:
    dimensions = draw(st.sampled_from((2, 3, 3)))
    slices = () if dimensions == 2 else (draw(st.integers(1, 6)),)
    shape = (*slices, draw(st.integers(1, 12)), draw(st.integers(1, 12)))
    spacing_mm = tuple(draw(st.sampled_from(SPACINGS_MM)) for _ in shape)
    # Bits from numpy: hypothesis would take seconds to draw thousands of them.
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    reference = mask_of(draw(st.sampled_from(KINDS)), shape, rng)
    kind = draw(st.sampled_from((*KINDS, "same", "flipped")))
    if kind == "same":
        prediction = reference.copy()
    elif kind == "flipped":
        prediction = reference ^ (rng.random(shape) < 0.1)
    else:
        prediction = mask_of(kind, shape, rng)
    return MaskPair(reference, prediction, spacing_mm)


def mask_of(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    mask = np.zeros(shape, bool)
    if kind == "voxel":
        mask[tuple(rng.integers(0, shape))] = True
    elif kind == "full":
        mask[:] = True
    elif kind == "noise":
        mask = rng.random(shape) < rng.uniform(0.05, 0.9)
    elif kind == "box":
        ends = np.sort([rng.integers(0, shape), rng.integers(0, shape)], axis=0)
        mask[tuple(slice(first, last + 1) for first, last in ends.T)] = True
    elif kind == "blob":
        places = np.stack(np.indices(shape), axis=-1)
        distance = np.linalg.norm((places - rng.uniform(0, shape)) / np.maximum(shape, 3), axis=-1)
        mask = (distance < rng.uniform(0.2, 0.6)) & (distance > rng.choice([0.0, 0.2]))
    return mask


st.register_type_strategy(MaskPair, mask_pairs())


@pytest.fixture(scope="session")
def box():
    """Makes a mask that holds one box: box(first, after_last, shape)."""

    def make(first, after_last, shape=(10, 20, 20)):
        mask = np.zeros(shape, bool)
        mask[tuple(slice(a, b) for a, b in zip(first, after_last, strict=True))] = True
        return mask

    return make
