"""The features that a training keeps in its folder until it is finished."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from CardioSAMLib.segmentation import EmbeddingCache
from CardioSAMLib.training_run.encoders import KeptFeatures, OpenedEncoder

if TYPE_CHECKING:
    from CardioSAMLib.training.configuration import TrainingConfiguration
    from CardioSAMLib.training.loop import Encode

_FEATURES = "features"
_CACHE_BYTES = 2**40
"""More than any run needs: views take turns, so what does not fit would be computed in every pass."""


def kept_features(configuration: TrainingConfiguration, encoder: OpenedEncoder | None, out: Path) -> Encode | None:
    """None where the network has no encoder, or every view is seen once."""
    from CardioSAMLib.training.networks import features_used

    if encoder is None or not configuration.views:
        return None
    used = features_used(configuration.network.options, encoder.network)
    return KeptFeatures(encoder, EmbeddingCache(out / _FEATURES, _CACHE_BYTES), used)


def forget_features(out: Path) -> None:
    """Removes those of a finished run."""
    EmbeddingCache(out / _FEATURES, _CACHE_BYTES).clear()
