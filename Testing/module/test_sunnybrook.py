"""The whole way on real images: a DICOM folder into the panel, drawn by the model that ships, measured, corrected.

One test, as drawing takes most of its time.
"""

import numpy as np
import pytest

from CardioSAMLib.analysis import AnalysisOptions, analyze
from CardioSAMLib.labels import STORAGE, Structure


@pytest.fixture
def folder(data_dir):
    folder = data_dir / "sunnybrook" / "SCD0000101"
    if not folder.is_dir():
        pytest.skip(f"no Sunnybrook study at {folder}")
    return folder


def test_from_a_dicom_folder_to_the_numbers_of_the_command_and_to_a_corrected_slice(panel, folder, scene, tmp_path):
    panel.ui.importPathLineEdit.currentPath = str(folder)
    panel.ui.importButton.click()
    panel.wait(seconds=60.0)
    panel.ui.framesComboBox.currentIndex = 1
    panel.ui.segmentButton.click()
    panel.wait(seconds=120.0)
    assert not panel.app.errors
    check_nodes(panel.widget.desk.session.study, scene)
    check_numbers(panel.widget.desk.assessed.function, folder, tmp_path)
    check_a_click(panel)


def check_nodes(study, scene):
    cine = study.browser.GetSequenceNode(study.volume)
    contours = study.browser.GetSequenceNode(study.segmentation)
    assert cine.GetNumberOfDataNodes() == contours.GetNumberOfDataNodes() == 20
    assert [cine.GetNthIndexValue(n) for n in range(20)] == [contours.GetNthIndexValue(n) for n in range(20)]
    names = {scene.GetNthNode(number).GetName() for number in range(scene.GetNumberOfNodes())}
    assert not any("SCD" in name for name in names)  # no patient's name


def check_numbers(panel, folder, tmp_path):
    command = analyze(folder, tmp_path / "out", AnalysisOptions(frames="ed-es")).study.function
    assert 5.0 < panel.lv.ef_percent < 80.0
    assert (panel.ed_frame, panel.es_frame) == (command.ed_frame, command.es_frame)
    for side in ("lv", "rv"):
        for key in ("edv_ml", "esv_ml", "ef_percent"):
            values = [getattr(getattr(function, side), key) for function in (panel, command)]
            assert values[0] == pytest.approx(values[1], abs=1e-6), (side, key)


def check_a_click(panel):
    """A point beside the wall, at its place in the patient, becomes wall."""
    from CardioSAMLib.mrml.geometry import ras_position
    from CardioSAMLib.mrml.placing import placed_node

    session = panel.widget.desk.session
    frame = panel.widget.desk.key_frames[0]
    labels = session.segmentation.labels[frame]
    number = int((labels == STORAGE.value_of(Structure.LV)).sum(axis=(1, 2)).argmax())
    rows, columns = np.nonzero(labels[number] == STORAGE.value_of(Structure.MYO))
    pixel = int(np.median(rows[columns == columns.max()])), int(columns.max()) + 2
    session.go_to(frame, number)
    panel.ui.myoButton.click()
    panel.ui.positiveButton.click()
    placed_node().AddControlPointWorld(*ras_position(session.study.volume, (number, *pixel)))
    panel.wait(seconds=60.0)
    assert session.segmentation.labels[frame, number][pixel] == STORAGE.value_of(Structure.MYO)
    assert session.study.corrected == {(frame, number)}
