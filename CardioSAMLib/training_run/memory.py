"""What a training says where the memory of its device runs out."""

from __future__ import annotations

from contextlib import AbstractContextManager

from CardioSAMLib.segmentation.device import enough_memory


def memory_to_train() -> AbstractContextManager[None]:
    """Raises UnusableInput, in the place of torch's errors, where there is not enough."""
    return enough_memory(
        "The memory of the device is not enough; give a smaller batch, size_px or encoder, in a configuration and "
        "folder of their own, or train where there is more."
    )
