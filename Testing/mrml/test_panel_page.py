"""Claims about the table of the panel's times: from figures made up here, and that the page shows the measured ones."""

import json
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def panel_table(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "scripts"))
    import panel_table

    yield panel_table
    for name in ("panel_table", "metrics_table"):
        sys.modules.pop(name, None)


def waiting(wall_s, cpu_s, block_s, block_cpu_s):
    return {"wall_s": wall_s, "cpu_s": cpu_s, "block_s": block_s, "block_cpu_s": block_cpu_s}


def test_each_action_has_its_time_and_its_longest_standstill(panel_table):
    actions = {name: waiting(2.04, 1.4, 0.05, 0.04) for name in panel_table.TITLES}
    actions |= {"import": waiting(0.5, 0.2, 0.09, 0.06), "load": waiting(3.0, 2.0, 3.0, 2.0)}
    clicks = [waiting(0.03, 0.02, 0.01, 0.01), waiting(0.04, 0.02, 0.02, 0.015), waiting(0.05, 0.02, 0.01, 0.01)]
    section = panel_table.panel_section(
        {"cores": 2, "machine": "x86_64", "load_1_min": 0.4, "shape": [20, 10, 256, 200], "actions": actions}
        | {"clicks": clicks}
    )
    assert "| Import the DICOM folder | 500 ms | 200 ms | 90 ms | 60 ms |" in section
    assert "| Segment all frames | 2.0 s | 1.4 s | 50 ms | 40 ms |" in section
    assert "(median of 3) | 40 ms | 20 ms | 20 ms | 15 ms |" in section
    assert "49 ms at the 95th percentile, of which 20 ms computing" in section
    assert "for 60 ms at a stretch at most" in section
    assert "20 frames of 10 slices of 256 x 200 pixels" in section


def test_the_page_shows_the_measured_times(panel_table):
    times = json.loads((DOCS / "panel-times.json").read_text(encoding="utf-8"))
    assert panel_table.panel_section(times) in (DOCS / "speed.md").read_text(encoding="utf-8")
