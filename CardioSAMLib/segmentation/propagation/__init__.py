"""From some drawn slices to the whole cine: along the stack and around the cycle, and again after a correction."""

from CardioSAMLib.segmentation.propagation.methods import DEFAULT_METHOD_ID, PROPAGATION_METHODS, propagator_of
from CardioSAMLib.segmentation.propagation.prompted import CorrectedFrames, PromptedFrames, PromptedSlices
from CardioSAMLib.segmentation.propagation.propagate import Propagated, propagate, repropagate
from CardioSAMLib.segmentation.propagation.propagator import FramePropagator, Propagator, SliceKey, SlicePropagator
from CardioSAMLib.segmentation.propagation.registered import RegisteredFrames

__all__ = [
    "DEFAULT_METHOD_ID",
    "PROPAGATION_METHODS",
    "CorrectedFrames",
    "FramePropagator",
    "PromptedFrames",
    "PromptedSlices",
    "Propagated",
    "Propagator",
    "RegisteredFrames",
    "SliceKey",
    "SlicePropagator",
    "propagate",
    "propagator_of",
    "repropagate",
]
