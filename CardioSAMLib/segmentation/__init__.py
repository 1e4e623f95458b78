"""Who draws contours (floor 2): automatic models run by onnxruntime, and models that a person prompts."""

from CardioSAMLib.segmentation.correction import corrected_slice, correction_prompts
from CardioSAMLib.segmentation.embedding_cache import EmbeddingCache, default_folder
from CardioSAMLib.segmentation.locate import HeartBox, heart_box_of
from CardioSAMLib.segmentation.promptable import Prompter, SlicePrediction, provenance_of
from CardioSAMLib.segmentation.sam2_models import load_sam2
from CardioSAMLib.segmentation.sam_models import load_sam
from CardioSAMLib.segmentation.segmenter import Segmenter, promptable_of, segmenter_of

__all__ = [
    "EmbeddingCache",
    "HeartBox",
    "Prompter",
    "Segmenter",
    "SlicePrediction",
    "corrected_slice",
    "correction_prompts",
    "default_folder",
    "heart_box_of",
    "load_sam",
    "load_sam2",
    "promptable_of",
    "provenance_of",
    "segmenter_of",
]
