"""Cines and transforms for the tests on real MRML; the scene is that of Testing/conftest.py."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from CardioSAMLib.cine import Cine, Geometry


@pytest.fixture(scope="session")
def skewed_geometry():
    """Oblique, left-handed and with three different spacings: where a mixed-up axis or sign cannot hide."""
    turned = Rotation.from_euler("xyz", [25.0, -40.0, 70.0], degrees=True).as_matrix()
    left_handed = turned @ np.diag([1.0, 1.0, -1.0])
    return Geometry((1.5, 1.2, 9.0), (-31.0, 47.0, 12.5), tuple(map(tuple, left_handed.tolist())))


@pytest.fixture(scope="session")
def oblique_geometry(skewed_geometry):
    """The same, right-handed."""
    direction = np.asarray(skewed_geometry.direction) @ np.diag([1.0, 1.0, -1.0])
    return replace(skewed_geometry, direction=tuple(map(tuple, direction.tolist())))


@pytest.fixture
def make_cine(oblique_geometry):
    """A cine of random pixels: 4 frames of 5 slices of 20 rows and 24 columns. Arguments replace fields of `Cine`."""

    def make(**fields):
        pixels = np.random.default_rng(1).integers(0, 900, (4, 5, 20, 24)).astype(np.int16)
        values = {"geometry": oblique_geometry, "frame_times_ms": (0.0, 43.2, 86.4, 129.6), "source": "a made-up cine"}
        return Cine(pixels, **{**values, **fields})

    return make


@pytest.fixture
def put_under(scene):
    """Puts a node under a new linear transform, given as a 4x4 matrix, to RAS of the world."""

    def put(node, matrix):
        transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        slicer = pytest.importorskip("slicer")
        slicer.util.updateTransformMatrixFromArray(transform, matrix)
        node.SetAndObserveTransformNodeID(transform.GetID())
        return transform

    return put


@pytest.fixture(scope="session")
def turned():
    """A rigid motion: turned about all axes and moved."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("zxy", [35.0, 15.0, -50.0], degrees=True).as_matrix()
    matrix[:3, 3] = (11.0, -7.0, 23.0)
    return matrix
