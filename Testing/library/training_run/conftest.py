"""What the tests of training commands share."""

import numpy as np
import pytest
import SimpleITK as sitk

from CardioSAMLib.phantom import PhantomOptions, make_phantom

SHORT = """
name = "short"
split = "split.json"
grid_mm = 4.0
size_px = 32
batch = 2
steps = 2
views = 1
[network]
kind = "cardiosam"
encoder = "cardiosam-unet25d"
widths = [16, 8, 8, 8]
[loss]
dice = 1.0
[optimizer]
warm_up_steps = 1
ema_decay = 0.0
"""
SPACING_MM = (3.0, 3.0, 20.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two phantom patients as ACDC lays them out in `data`, a split and a configuration."""
    folder = tmp_path_factory.mktemp("search")
    for number in (1, 3):  # the third validates where the encoder was trained, too
        options = PhantomOptions(rows=64, columns=64, slices=4, frames=2, spacing_mm=SPACING_MM, seed=number)
        phantom = make_phantom(options)
        patient = folder / "data" / f"patient{number:03d}"
        patient.mkdir(parents=True)
        for frame in (0, 1):
            stem = str(patient / f"{patient.name}_frame{frame + 1:02d}")
            for suffix, values in (("", phantom.cine.pixels), ("_gt", phantom.segmentation.labels)):
                image = sitk.GetImageFromArray(np.asarray(values[frame], dtype=np.float32 if not suffix else np.uint8))
                image.SetSpacing(SPACING_MM)
                sitk.WriteImage(image, f"{stem}{suffix}.nii.gz")
        (patient / "Info.cfg").write_text("ED: 1\nES: 2\nGroup: NOR\nHeight: 170\nNbFrame: 2\nWeight: 70\n")
    (folder / "split.json").write_text('{"train": ["patient001"], "validation": ["patient003"]}')
    (folder / "short.toml").write_text(SHORT)
    return folder
