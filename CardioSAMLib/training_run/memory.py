"""What a training says where the memory of its device runs out."""

from __future__ import annotations

from contextlib import AbstractContextManager

from CardioSAMLib.segmentation.device import enough_memory


def memory_to_train() -> AbstractContextManager[None]:
    """Raises UnusableInput, in the place of torch's errors, where there is not enough."""
    return enough_memory(
        "The memory of the device is not enough for this training; give a smaller batch or size_px, in a configuration "
        "and folder of their own, or go on in this one with --device cpu."
    )
