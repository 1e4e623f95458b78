"""Where the labels of a slice change: targets of a boundary map, and distances from each class's boundary."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional


def changes(labels: Tensor) -> Tensor:
    """The pixels one of whose four neighbors has another label, bool; labels and result `(batch, rows, columns)`.

    Beyond the edge of the image is no other label.
    """
    found = torch.zeros_like(labels, dtype=torch.bool)
    for axis in (1, 2):
        length = labels.shape[axis]
        differs = labels.narrow(axis, 0, length - 1) != labels.narrow(axis, 1, length - 1)
        found.narrow(axis, 0, length - 1).logical_or_(differs)
        found.narrow(axis, 1, length - 1).logical_or_(differs)
    return found


def boundary_target(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """The boundary map that a network of output size (rows, columns) shall draw, 0 or 1, float `(batch, 1, *size)`.

    labels: int `(batch, rows, columns)`. Their changes, a pixel wider on all sides (diagonals too), and a coarser pixel
    is boundary where any pixel in it is.
    """
    wide = functional.max_pool2d(changes(labels)[:, None].float(), 3, stride=1, padding=1)
    return functional.adaptive_max_pool2d(wide, size)


def boundary_distances_px(labels: Tensor, classes: int) -> Tensor:
    """Distance of every pixel to the nearest boundary pixel of each class but the background, float32.

    labels: int `(batch, rows, columns)`. Returns `(batch, classes - 1, rows, columns)`, between pixel centers, 0 on the
    class's outermost pixels; infinite where a slice has no boundary of the class.
    """
    wanted = torch.arange(1, classes, device=labels.device)[None, :, None, None]
    boundaries = ((labels[:, None] == wanted) & changes(labels)[:, None]).cpu().numpy()
    distances = np.full(boundaries.shape, np.inf, dtype=np.float32)
    for place in np.argwhere(boundaries.any(axis=(2, 3))):
        at = tuple(place)
        distances[at] = ndimage.distance_transform_edt(~boundaries[at])
    return torch.from_numpy(distances).to(labels.device)
