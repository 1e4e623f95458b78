"""The weights in an ONNX file, as what trains or differentiates a model of the catalogue reads them."""

from __future__ import annotations

from typing import Any

import numpy as np

from CardioSAMLib.cine import Array

HALF_SUFFIX = ".half"
"""Of the name of a weight that is stored in half precision, and cast to single before use."""


def stored_weights(graph: Any) -> dict[str, Array]:
    """Arrays by their names in torch; weights, which may be stored in half precision, as float32."""
    from onnx import numpy_helper

    weights = {}
    for item in graph.initializer:
        values = np.array(numpy_helper.to_array(item))
        half = values.dtype == np.float16
        weights[item.name.removesuffix(HALF_SUFFIX)] = values.astype(np.float32) if half else values
    return weights
