"""One slice with its contours as inline SVG: the gray image inside, the outlines as sharp lines above it."""

from __future__ import annotations

import base64
import io
import math

from scipy import ndimage

from CardioSAMLib.cine import Array
from CardioSAMLib.report.slice_view import SliceView

# Small images are enlarged here: browsers smooth them, printers show their pixels as blocks.
_LEAST_PIXELS = 240
_JPEG_QUALITY = 90


def slice_svg(view: SliceView, frame_name: str) -> str:
    """An `<svg>` element in millimeters. frame_name: shown in its corner, ED or ES."""
    height_mm, width_mm = view.size_mm
    image = base64.b64encode(_jpeg(view.gray)).decode()
    lines = "".join(
        f'<path d="{_path(points)}" stroke="{structure.hex_color}"/>' for structure, points in view.outlines
    )
    return (
        f'<svg viewBox="0 0 {width_mm:.2f} {height_mm:.2f}" role="img" '
        f'aria-label="Slice {view.slice}, {frame_name}, with contours">'
        f'<image width="{width_mm:.2f}" height="{height_mm:.2f}" preserveAspectRatio="none" '
        f'href="data:image/jpeg;base64,{image}"/>{lines}'
        f'<text x="{0.04 * width_mm:.2f}" y="{0.12 * width_mm:.2f}" font-size="{0.09 * width_mm:.2f}">'
        f"{frame_name}</text></svg>"
    )


def _path(points_mm: Array) -> str:
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points_mm[:-1].tolist()) + "Z"


def _jpeg(gray: Array) -> bytes:
    """gray: float `(rows, columns)` in 0..1."""
    from matplotlib.image import imsave

    factor = math.ceil(_LEAST_PIXELS / max(gray.shape))
    # grid_mode: pixels are areas, so that the enlarged image covers exactly the same square.
    enlarged = ndimage.zoom(gray, factor, order=3, mode="nearest", grid_mode=True) if factor > 1 else gray
    content = io.BytesIO()
    imsave(
        content,
        enlarged.clip(0.0, 1.0),
        cmap="gray",
        vmin=0.0,
        vmax=1.0,
        format="jpeg",
        pil_kwargs={"quality": _JPEG_QUALITY},
    )
    return content.getvalue()
