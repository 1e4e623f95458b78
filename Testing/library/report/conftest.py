"""A small study whose numbers are written by hand: a round left ventricle in its wall, and a right ventricle."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import Cine, Geometry, Patient
from CardioSAMLib.function import CardiacFunction, VentricleFunction, VolumeCurves
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure
from CardioSAMLib.report import Study
from CardioSAMLib.resources import ModelCard

FRAMES, ROWS, COLUMNS = 4, 64, 72
LV_CENTER_RC, LV_RADIUS_PX, WALL_RADIUS_PX = (30.0, 40.0), 8.0, 12.0

# Rotated by 30 degrees about the first axis; its columns are the directions of columns, rows and slices.
OBLIQUE = ((1.0, 0.0, 0.0), (0.0, 0.8660254038, -0.5), (0.0, 0.5, 0.8660254038))


def drawn_labels(slices: int) -> np.ndarray:
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    radius = np.hypot(rows - LV_CENTER_RC[0], columns - LV_CENTER_RC[1])
    plane = np.zeros((ROWS, COLUMNS), np.uint8)
    plane[(rows > 22) & (rows < 38) & (columns > 18) & (columns < 40)] = STORAGE.value_of(Structure.RV)
    plane[radius < WALL_RADIUS_PX] = STORAGE.value_of(Structure.MYO)
    plane[radius < LV_RADIUS_PX] = STORAGE.value_of(Structure.LV)
    return np.broadcast_to(plane, (FRAMES, slices, ROWS, COLUMNS)).copy()


FUNCTION = CardiacFunction(
    ed_frame=0,
    es_frame=2,
    heart_rate_bpm=62.5,
    bsa_m2=1.834567,
    bsa_formula="mosteller",
    lv=VentricleFunction(
        edv_ml=151.23456,
        esv_ml=61.04,
        sv_ml=90.19456,
        ef_percent=59.63888,
        co_l_min=5.63716,
        mass_ed_g=112.34,
        mass_es_g=118.76,
        edv_index_ml_m2=82.4361,
        esv_index_ml_m2=33.2722,
        sv_index_ml_m2=49.1639,
        ci_l_min_m2=3.07275,
        mass_ed_index_g_m2=61.235,
        peak_ejection_rate_ml_s=431.7,
        peak_filling_rate_ml_s=388.2,
        time_to_peak_ejection_ms=151.4,
        time_to_peak_filling_ms=160.6,
    ),
    rv=VentricleFunction(edv_ml=163.87, esv_ml=77.31, sv_ml=86.56, ef_percent=52.8224),
    curves=VolumeCurves(
        frames=(0, 1, 2, 3),
        times_ms=(0.0, 40.0, 80.0, 120.0),
        lv_ml=(151.23456, 100.0, 61.04, 120.0),
        rv_ml=(163.87, 110.0, 77.31, 130.0),
        myocardium_ml=(107.0, 108.0, 113.1, 109.0),
        lv_smooth_ml=(150.0, 101.0, 62.0, 119.0),
        rv_smooth_ml=(162.0, 111.0, 78.0, 129.0),
    ),
    lv_slices_ed=(0, 1, 2),
    lv_slices_es=(0, 2),
    rv_slices_ed=(1, 2),
)

CARD = ModelCard(
    id="some-net",
    title="Some network",
    version="7",
    architecture="UNet",
    input_shape_px=(128, 128),
    spacing_mm=1.5,
    preprocessing="none",
    file="some-net.onnx",
    sha256="ab" * 32,
    bytes=1_234_567,
    license="CC BY-NC-SA 4.0",
    training_data="a made-up set",
    accuracy={"mean_dice": 0.912, "LV_ef_mae_points": 2.1, "RV_ef_mae_points": 4.3, "measured_on": "20 patients"},
)


@pytest.fixture
def make_study() -> Callable[..., Study]:
    """A study of so many slices; further arguments replace fields of `Study`, geometry those of the cine's geometry."""

    def make(slices: int = 3, geometry: Geometry | None = None, **fields: object) -> Study:
        labels = drawn_labels(slices)
        pixels = np.where(labels == STORAGE.value_of(Structure.LV), 1000, 100).astype(np.int16)
        cine = Cine(
            pixels=pixels,
            geometry=geometry or Geometry((1.5, 1.25, 9.0), (10.0, -20.0, 30.0), OBLIQUE),
            frame_times_ms=(0.0, 40.0, 80.0, 120.0),
            heart_rate_bpm=62.5,
            patient=Patient(sex="F", age_years=54.0, height_cm=171.0, weight_kg=70.5),
            source="a folder of DICOM files",
        )
        segmentation = CineSegmentation(labels, (0, 1, 2, 3), Provenance("some-net", "7", "ab" * 32, {"flips": "on"}))
        study = Study("Study of a test", cine, segmentation, FUNCTION, model=CARD, settings={"Frames": "all"})
        return replace(study, **fields)

    return make


@pytest.fixture
def study(make_study: Callable[..., Study]) -> Study:
    return make_study()


@pytest.fixture
def bare_study(make_study: Callable[..., Study]) -> Study:
    """One frame of one slice, no right ventricle, nothing known of the patient, drawn by a person."""
    study = make_study(slices=1)
    labels = study.segmentation.labels[:1].copy()
    labels[labels == STORAGE.value_of(Structure.RV)] = 0
    return Study(
        title="",
        cine=replace(
            study.cine, pixels=study.cine.pixels[:1], frame_times_ms=None, heart_rate_bpm=None, patient=Patient()
        ),
        segmentation=CineSegmentation(labels, (0,), Provenance("expert")),
        function=CardiacFunction(
            ed_frame=0,
            es_frame=None,
            heart_rate_bpm=None,
            bsa_m2=None,
            bsa_formula="mosteller",
            lv=VentricleFunction(edv_ml=3.4, mass_ed_g=4.5),
            rv=VentricleFunction(),
            curves=VolumeCurves((0,), None, (3.4,), (0.0,), (4.3,)),
            lv_slices_ed=(0,),
        ),
    )
