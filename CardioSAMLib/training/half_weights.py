"""Weights in half precision: half the size of a model file, at a rounding far below what training leaves undecided."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from CardioSAMLib.io.onnx_weights import HALF_SUFFIX

LEAST_VALUES = 1024
"""Smaller tensors, as most of those of normalizations, stay in full precision."""


@torch.no_grad()
def round_to_half(network: nn.Module) -> None:
    """Rounds the large weights of a network to what half precision can hold; they stay float32.

    The network is then what its file will be, bit for bit. Weights beyond the range of half precision stay as they are.
    """
    for weight in network.parameters():
        if weight.numel() >= LEAST_VALUES and weight.is_floating_point():
            rounded = weight.half().to(weight.dtype)
            if torch.isfinite(rounded).all():
                weight.copy_(rounded)


def store_in_half(model: Any) -> None:
    """Stores those large weights of an ONNX model in half precision that lose nothing by it.

    The model computes in single precision as before: each weight passes through a cast, which onnxruntime carries out
    once, when it opens the file.
    """
    from onnx import TensorProto, helper, numpy_helper

    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < LEAST_VALUES:
            continue
        values, name = numpy_helper.to_array(tensor), tensor.name
        with np.errstate(over="ignore"):
            halved = values.astype(np.float16)
        if np.array_equal(halved.astype(np.float32), values):
            tensor.CopyFrom(numpy_helper.from_array(halved, name + HALF_SUFFIX))
            model.graph.node.insert(0, helper.make_node("Cast", [name + HALF_SUFFIX], [name], to=TensorProto.FLOAT))
