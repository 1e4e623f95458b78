"""Who draws contours (floor 2): automatic models run by onnxruntime."""

from CardioSAMLib.segmentation.segmenter import Segmenter, segmenter_of

__all__ = ["Segmenter", "segmenter_of"]
