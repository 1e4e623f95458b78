"""The report is read here as a browser reads it: parsed, then looked at."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.image import imread

from CardioSAMLib import __version__
from CardioSAMLib.cine import Geometry, QualityNote
from CardioSAMLib.function import METRICS
from CardioSAMLib.labels import Structure
from CardioSAMLib.report import report_html

VOID = {"meta", "img", "image", "path", "link", "br"}
EMPTY = "\N{EN DASH}"


class Page(HTMLParser):
    """Table rows as lists of cell texts, all tags with their attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.items: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "li":
            self.items.append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data
        if "li" in self.open:
            self.items[-1] += data

    def all_of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(study) -> Page:
    return Page(report_html(study).decode("utf-8"))


def test_every_element_is_closed(study):
    assert page_of(study).open == []


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_every_measurement_has_its_number_and_unit_for_both_ventricles(study, metric):
    (row,) = [row for row in page_of(study).rows if row[0] == metric.title]
    for cell, ventricle in zip(row[1:3], (study.function.lv, study.function.rv), strict=False):
        value = getattr(ventricle, metric.key)
        assert cell == f"{value:.{metric.digits}f}" if value is not None else cell.startswith(EMPTY)
    assert row[-1] == metric.unit


def test_a_missing_value_is_a_dash_with_its_reason(bare_study):
    rows = {row[0]: row[1:] for row in page_of(bare_study).rows}
    assert rows["End-diastolic volume"] == ["3.4", f"{EMPTY} not found", "mL"]
    assert rows["Ejection fraction"] == [f"{EMPTY} one frame only", f"{EMPTY} not found", "%"]


def test_a_reason_that_both_ventricles_share_is_said_once(make_study):
    study = make_study()
    lv = replace(study.function.lv, co_l_min=None)
    study = replace(study, function=replace(study.function, lv=lv, heart_rate_bpm=None))
    (row,) = [row for row in page_of(study).rows if row[0] == "Cardiac output"]
    assert row[1:] == [f"{EMPTY} heart rate unknown", "L/min"]


def test_patient_study_model_and_purpose_are_said(study):
    text = page_of(study).text
    for words in (
        "female, 54 years, 171 cm, 70 kg, body surface 1.83 m²",
        "4 frames of 3 slices, pixels of 1.50 × 1.25 mm, slices 9.0 mm apart, heart rate 62/min",
        "ED at frame 0, ES at frame 2",
        "Some network (some-net), version 7",
        "CC BY-NC-SA 4.0",
        "ab" * 32,
        "a folder of DICOM files",
        "ED 0–2; ES 0, 2",
        "Research use only. Not a medical device.",
        f"CardioSAM {__version__}",
    ):
        assert words in text


def test_contours_of_a_person_name_no_model(bare_study):
    text = page_of(bare_study).text
    assert "expert" in text
    assert "License of the model" not in text
    assert "sex, age, height and weight unknown" in text


def test_unequal_slices_are_not_given_one_distance(make_study):
    study = make_study(geometry=Geometry((1.5, 1.25, 9.0), slice_positions_mm=(0.0, 9.0, 27.0)))
    assert "slices about 9.0 mm apart" in page_of(study).text


def test_notes_come_errors_first_with_their_place(make_study):
    notes = (
        QualityNote("a", "info", "all is well"),
        QualityNote("b", "error", "a hole", frame=2, slice=1),
        QualityNote("c", "warning", "a jump", frame=3),
    )
    items = [" ".join(item.split()) for item in page_of(make_study(notes=notes)).items]
    assert items == ["Errora hole frame 2, slice 1", "Warninga jump frame 3", "Noteall is well"]


def test_text_is_escaped_and_of_any_language(make_study):
    hostile = '<script>alert("x")</script> & Grüße 心臓 $title ${notes}'
    notes = (QualityNote("a", "warning", hostile),)
    study = make_study(title=hostile, notes=notes, settings={hostile: hostile})
    study = replace(study, cine=replace(study.cine, source=hostile))
    page = page_of(study)
    assert page.all_of("script") == []
    assert page.text.count(hostile) >= 5


def test_nothing_is_loaded_from_elsewhere(study):
    html = report_html(study).decode()
    assert re.findall(r"""(?:https?:)?//[^\s"']*""", re.sub(r"base64,[A-Za-z0-9+/=]*", "", html)) == []
    assert "@import" not in html
    assert "url(" not in html
    for _, attributes in page_of(study).tags:
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")


def test_every_slice_has_a_picture_at_ed_and_es(make_study):
    page = page_of(make_study(slices=12))
    pictures = [attributes["aria-label"] for attributes in page.all_of("svg")]
    assert pictures == [f"Slice {slice}, {frame}, with contours" for slice in range(12) for frame in ("ED", "ES")]
    assert len(page.all_of("image")) == 24
    # A round ventricle in its wall and a right ventricle: three lines each.
    assert len(page.all_of("path")) == 24 * 3


def test_a_study_of_one_frame_has_one_picture_per_slice(bare_study):
    assert [attributes["aria-label"] for attributes in page_of(bare_study).all_of("svg")] == [
        "Slice 0, ED, with contours"
    ]


def test_the_line_in_the_picture_lies_on_the_edge_of_the_blood(study):
    page = page_of(study)
    width_mm, height_mm = map(float, page.all_of("svg")[0]["viewbox"].split()[2:])
    jpeg = base64.b64decode(page.all_of("image")[0]["href"].split(",")[1])
    gray = imread(io.BytesIO(jpeg), format="jpeg")[..., 0].astype(float)
    color = "#" + "".join(f"{channel:02x}" for channel in Structure.LV.color_rgb)
    line = next(path["d"] for path in page.all_of("path") if path["stroke"] == color)
    x_mm, y_mm = np.array(re.findall(r"[\d.]+", line), dtype=float).reshape(-1, 2).T
    # Blood is 1000 and all else 100 in the study, so on the line the picture is halfway between white and black.
    rows, columns = y_mm / height_mm * gray.shape[0] - 0.5, x_mm / width_mm * gray.shape[1] - 0.5
    on_line = gray[np.rint(rows).astype(int), np.rint(columns).astype(int)]
    assert np.median(on_line) == pytest.approx(127.5, abs=35.0)
    blood = gray > 127.5
    center = (np.ptp(rows) / 2 + rows.min(), np.ptp(columns) / 2 + columns.min())
    assert center == pytest.approx([axis.mean() for axis in np.nonzero(blood)], abs=1.0)
