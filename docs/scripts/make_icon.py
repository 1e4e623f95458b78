"""Draws the icon of the Slicer module: the heart as a short-axis slice shows it.

python docs/scripts/make_icon.py
"""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.patches import Circle, Ellipse, FancyBboxPatch

from CardioSAMLib.labels import Structure

ICON = Path(__file__).resolve().parents[2] / "CardioSAM" / "Resources" / "Icons" / "CardioSAM.png"
SIZE_PX, DPI = 128, 100
BACKGROUND = "#18202b"

# Units of the drawing: the icon is 128 x 128, its center is the origin. The right ventricle lies on the left, as on
# an image seen from the feet.
LV_CENTER, LV_RADIUS, WALL_RADIUS = (17.0, 0.0), 19.0, 33.0
RV_CENTER, RV_WIDTH, RV_HEIGHT, RV_TURN_DEG = (-10.0, 1.0), 84.0, 76.0, 15.0
SEPTUM_GAP = 3.0


def color_of(structure: Structure) -> tuple[float, ...]:
    return tuple(part / 255.0 for part in structure.color_rgb)


def draw_icon(path: Path) -> None:
    figure = plt.figure(figsize=(SIZE_PX / DPI, SIZE_PX / DPI), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-64, 64), ylim=(-64, 64))
    axes.axis("off")
    axes.add_patch(FancyBboxPatch((-42, -42), 84, 84, boxstyle="round,pad=20", facecolor=BACKGROUND, linewidth=0))
    axes.add_patch(
        Ellipse(RV_CENTER, RV_WIDTH, RV_HEIGHT, angle=RV_TURN_DEG, facecolor=color_of(Structure.RV), linewidth=0)
    )
    axes.add_patch(Circle(LV_CENTER, WALL_RADIUS + SEPTUM_GAP, facecolor=BACKGROUND, linewidth=0))
    axes.add_patch(Circle(LV_CENTER, WALL_RADIUS, facecolor=color_of(Structure.MYO), linewidth=0))
    axes.add_patch(Circle(LV_CENTER, LV_RADIUS, facecolor=color_of(Structure.LV), linewidth=0))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, transparent=True)
    plt.close(figure)


if __name__ == "__main__":
    plt.switch_backend("Agg")
    draw_icon(ICON)
