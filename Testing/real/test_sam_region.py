"""Claims about the region that SAM is shown, on the contours of experts."""

import numpy as np

from CardioSAMLib.io import load_acdc_patient
from CardioSAMLib.segmentation import heart_box_of
from CardioSAMLib.segmentation.sam_image import NORMALIZATIONS, sam_image


def test_every_heart_of_acdc_lies_whole_in_what_the_model_sees(data_dir):
    """A crop around the center of the image would miss hearts by up to 103 mm."""
    folders = sorted((data_dir / "acdc").glob("patient*"))
    assert folders
    for folder in folders:
        patient = load_acdc_patient(folder)
        pixel_mm = patient.cine.geometry.spacing_mm[:2]
        region = heart_box_of(patient.labels, pixel_mm)
        image = sam_image(patient.cine.pixels[0, 0], region, pixel_mm, NORMALIZATIONS["sam"], 224)
        drawn = np.argwhere(np.any(patient.labels != 0, axis=(0, 1)))
        for axis in (0, 1):
            seen = image.crop.coordinates_px(axis)[: image.shown_px[axis]]
            reach = image.crop.step_px[axis] / 2.0
            assert seen[0] - reach <= drawn[:, axis].min() - 0.5 + 1e-6, folder.name
            assert seen[-1] + reach >= drawn[:, axis].max() + 0.5 - 1e-6, folder.name
