"""Small cines whose every pixel differs, so that an image at a wrong place is found, and their comparison."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import Cine, Geometry, Patient

RR_MS = 800.0

CineMaker = Callable[..., Cine]


def rotation(axis: tuple[float, float, float], angle: float) -> np.ndarray:
    """Rodrigues' formula: 3x3 rotation about an axis."""
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def small_cine(
    frames: int = 6, slices: int = 4, rows: int = 9, columns: int = 11, seed: int = 0, **changes: object
) -> Cine:
    """An oblique cine of 75 beats per minute with its frames spread over the beat. changes: fields to replace."""
    rng = np.random.default_rng(seed)
    count = frames * slices * rows * columns
    pixels = rng.permutation(count).reshape(frames, slices, rows, columns)
    direction = rotation((1.0, 2.0, -0.5), 0.9)
    cine = Cine(
        pixels=pixels.astype(np.int16) if count < 32768 else pixels.astype(np.uint16),
        geometry=Geometry((1.5, 1.25, 10.0), (-20.5, 33.25, 71.0), tuple(map(tuple, direction))),
        frame_times_ms=tuple(10.0 + RR_MS / frames * frame for frame in range(frames)),
        heart_rate_bpm=60000.0 / RR_MS,
        patient=Patient("F", 45.0, 170.0, 65.0),
    )
    return replace(cine, **changes)


def assert_same_cine(read: Cine, written: Cine, tolerance: float = 0.0) -> None:
    """Same pixels at the same world positions and frames; slices may be stored in the other direction."""
    assert read.pixels.shape == written.pixels.shape
    _, slices, rows, columns = written.pixels.shape
    for number in range(slices):
        corners = [(0, 0, number), (rows - 1, 0, number), (0, columns - 1, number)]
        found = read.geometry.index_of(written.geometry.world_of(corners))
        there = round(float(found[0, 2]))
        np.testing.assert_allclose(found, [(r, c, there) for r, c, _ in corners], atol=0.01)
        np.testing.assert_allclose(read.pixels[:, there], written.pixels[:, number], atol=tolerance)


@pytest.fixture(scope="session")
def make_cine() -> CineMaker:
    return small_cine


@pytest.fixture(scope="session")
def assert_same() -> Callable[..., None]:
    return assert_same_cine


@pytest.fixture(scope="session")
def rotate() -> Callable[..., np.ndarray]:
    return rotation
