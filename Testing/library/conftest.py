"""An evaluation whose scores are made up from a seed, for tests of what is made from scores; a reader of pages; and a
small checkpoint of SAM; processors with and without matrix instructions."""

from collections.abc import Callable, Sequence
from html.parser import HTMLParser

import numpy as np
import pytest

from CardioSAMLib.evaluation.metrics import METRICS
from CardioSAMLib.evaluation.result import EvaluationResult, SummaryTable
from CardioSAMLib.evaluation.scores import (
    Emptiness,
    PatientScores,
    Phase,
    Problem,
    Region,
    SliceScore,
    StudyScore,
    VolumeScore,
)
from CardioSAMLib.labels import Structure

GROUPS = ("NOR", "DCM", "HCM", "MINF", "RV")
DIAGONAL_MM = 480.0
REFERENCE = {
    "lv_edv_ml": 150.0,
    "lv_esv_ml": 70.0,
    "lv_ef_percent": 53.0,
    "lv_mass_ed_g": 120.0,
    "rv_edv_ml": 160.0,
    "rv_esv_ml": 80.0,
    "rv_ef_percent": 50.0,
}


def values_of(dice: float, found: bool) -> dict[str, float]:
    """Scores that could belong to such a Dice, not computed from masks."""
    by_key = {
        "hausdorff_mm": 60.0 * (1.0 - dice),
        "hd95_mm": 40.0 * (1.0 - dice),
        "assd_mm": 10.0 * (1.0 - dice),
        "volume_error_ml": 100.0 * (0.9 - dice),
    }
    values = {metric.key: by_key.get(metric.key, dice) for metric in METRICS}
    distances = {metric.key: DIAGONAL_MM for metric in METRICS if metric.unit == "mm"}
    return values if found else {**values, "dice": 0.0, **distances}


def make_patient(
    name: str, group: str, random: np.random.Generator, quality: float, missed: Sequence[tuple[Structure, Phase]] = ()
) -> PatientScores:
    volumes = []
    for phase in Phase:
        for structure in Structure:
            found = (structure, phase) not in missed
            dice = float(np.clip(quality + random.normal(0.0, 0.03), 0.0, 1.0))
            emptiness = Emptiness.NEITHER if found else Emptiness.MISSED
            volumes.append(VolumeScore(name, group, phase, structure, emptiness, values_of(dice, found)))
    slices = tuple(
        SliceScore(name, group, phase, structure, 3, Region.MID, Emptiness.NEITHER, {"dice": quality})
        for phase in Phase
        for structure in Structure
    )
    # The references are of the patient, the same whoever predicts.
    true = np.random.default_rng(sum(map(ord, name)))
    reference = {key: value * float(true.uniform(0.7, 1.4)) for key, value in REFERENCE.items()}
    predicted = {key: value + float(random.normal(1.0, 5.0)) for key, value in reference.items()}
    study = StudyScore(name, group, predicted, reference, seconds=float(random.uniform(2.0, 3.0)))
    return PatientScores(name, tuple(volumes), slices, study, ())


@pytest.fixture(scope="session")
def make_result() -> Callable[..., EvaluationResult]:
    """A result of so many patients and two problems. Further arguments replace fields of `EvaluationResult`."""

    def make(
        count: int = 20,
        quality: float = 0.9,
        seed: int = 1,
        missed: Sequence[tuple[Structure, Phase]] = (),
        **fields: object,
    ) -> EvaluationResult:
        random = np.random.default_rng(seed)
        patients = [
            make_patient(f"patient{number:03d}", GROUPS[number % 5], random, quality, missed if number == 0 else ())
            for number in range(count)
        ]
        problem = Problem("patient999", "other_grid", "The prediction has 9 slices and the reference 10.")
        patients.append(PatientScores("patient999", (), (), None, (problem,)))
        table = SummaryTable(
            "by_group",
            "By group",
            ("Group", "n", "Dice", "HD95 (mm)", "EF error (points)"),
            (("DCM", 4, 0.91234, 4.5678, -1.26), ("HCM", 4, 0.9, None, 2.0)),
            "Made up.",
        )
        arguments = {
            "name": "A made-up set",
            "mode": "corrected",
            "prompt_source": "automatic",
            "model": {"id": "some-net", "title": "Some network", "version": "7", "sha256": "ab" * 32},
            "protocol": {"name": "acdc-official", "part": "test"},
            "patients": tuple(patients),
            "tables": (table,),
            "resources": {"peak_rss_mb": 812.4, "model_bytes": 8_791_591, "parameters": None},
        }
        return EvaluationResult(**{**arguments, **fields})

    return make


class Page(HTMLParser):
    """A page as a reader sees it: tables as lists of rows of cell texts, all tags with their attributes, all text."""

    VOID = frozenset({"meta", "img", "link", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            cell = self.tables[-1][-1]
            # The second line of a cell is set small.
            cell[-1] += f"|{data}" if "small" in self.open else data

    def all_of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def table_of(self, *headings: str) -> list[list[str]]:
        """The rows of the one table whose headings begin so."""
        (table,) = [table for table in self.tables if tuple(table[0][: len(headings)]) == headings]
        return table[1:]


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], Page]:
    return Page


@pytest.fixture
def small_sam(tmp_path, monkeypatch):
    """A checkpoint file of the official names for a ViT of 2 blocks, which is taken for vit_b."""
    import torch

    from CardioSAMLib.networks.sam import sam_network
    from CardioSAMLib.networks.sam_architectures import SamArchitecture
    from CardioSAMLib.segmentation import sam_checkpoint

    small_vit = SamArchitecture("vit_b", 32, 2, 2, (1,))
    monkeypatch.setattr(sam_checkpoint, "ARCHITECTURES", (small_vit,))
    random = torch.Generator().manual_seed(0)
    weights = {
        name: torch.from_numpy(np.asarray(torch.randn(weight.shape, generator=random) * 0.05))
        for name, weight in sam_network(small_vit, 224).state_dict().items()
    }
    torch.save(weights, tmp_path / "small.pth")
    return tmp_path / "small.pth"


@pytest.fixture
def matrix_instructions(monkeypatch):
    """Trainings compute in bfloat16."""
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)


@pytest.fixture
def no_matrix_instructions(monkeypatch):
    """Trainings compute in float32."""
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_vnni": True}, raising=False)
