"""Models in the panel: what is said of them, downloading after agreement, removing."""

import sys
from pathlib import Path

import pytest

from CardioSAMLib import resources

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "Resources" / "Models" / "cardiosam-unet25d.onnx"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "Testing")
    from published_models import running_server

    with running_server() as server:
        yield server
    del sys.modules["published_models"]


@pytest.fixture
def remote(server, tmp_path, monkeypatch, opened):
    """The panel with a study open, and as the one that is chosen a model that lies on a server."""
    import json

    from published_models import file_entry

    catalogue = json.loads((ROOT / "Resources" / "Models" / "models.json").read_text(encoding="utf-8"))["models"]
    content = FILE.read_bytes()
    server.contents["remote.onnx"] = content
    folder = tmp_path / "Resources"
    (folder / "Models").mkdir(parents=True)
    entry = {**catalogue[0], "id": "remote", "title": "Remote model", **file_entry("remote.onnx", content, server.url)}
    (folder / "Models" / "models.json").write_text(json.dumps({"models": [*catalogue, entry]}))
    for file in FILE.parent.glob("*.onnx"):
        (folder / "Models" / file.name).symlink_to(file)
    monkeypatch.setattr(resources, "resources_dir", lambda: folder)
    monkeypatch.setenv("CARDIOSAM_MODELS", str(tmp_path / "own"))
    opened.widget._fillModels()
    opened.ui.modelComboBox.currentIndex = opened.ui.modelComboBox.findData("remote")
    opened.home = tmp_path / "own"
    return opened


def test_size_license_and_that_it_is_not_here_are_shown(remote):
    assert "CC BY-NC-SA 4.0" in remote.ui.modelLabel.text
    assert "8.8 MB, not downloaded yet" in remote.ui.modelLabel.text
    assert not remote.ui.removeModelButton.enabled


def test_a_model_is_downloaded_after_agreement_and_then_draws(remote, phantom, draw_with, make_painter):
    draw_with(make_painter(phantom))
    remote.ui.segmentButton.click()
    remote.wait()
    (question,) = remote.app.asked
    for part in ("Remote model", "8.8 MB", "http://127.0.0.1", "CC BY-NC-SA 4.0"):
        assert part in question
    assert (remote.home / "remote" / "remote.onnx").read_bytes() == FILE.read_bytes()
    assert remote.ui.messageLabel.text.startswith("Done")
    assert "not downloaded" not in remote.ui.modelLabel.text


def test_who_does_not_agree_downloads_nothing(remote, server):
    remote.app.agrees = False
    remote.ui.segmentButton.click()
    remote.wait()
    assert server.asked == []
    assert not remote.home.exists()
    assert not remote.widget.desk.has_contours


def test_a_download_shows_how_far_it_is_and_can_be_canceled(remote, server):
    server.gate.clear()
    remote.ui.segmentButton.click()
    remote.wait(lambda: "Downloading Remote model" in remote.ui.messageLabel.text)
    assert not remote.ui.progressBar.isHidden()
    assert remote.ui.progressBar.value > 0
    remote.ui.cancelButton.click()
    server.gate.set()
    remote.wait()
    assert remote.ui.messageLabel.text.startswith("Canceled")
    assert not list(remote.home.iterdir())
    assert not remote.widget.desk.has_contours


def test_without_a_connection_the_panel_says_so(remote, server):
    server.close()
    remote.ui.segmentButton.click()
    remote.wait()
    assert "Remote model could not be downloaded" in remote.ui.messageLabel.text
    assert not remote.app.errors


def test_a_downloaded_model_is_removed_and_stays_to_be_chosen(remote, phantom, draw_with, make_painter):
    draw_with(make_painter(phantom))
    remote.ui.segmentButton.click()
    remote.wait()
    assert remote.ui.removeModelButton.enabled
    remote.ui.removeModelButton.click()
    assert not (remote.home / "remote").exists()
    assert remote.ui.modelComboBox.currentText == "Remote model"
    assert "not downloaded yet" in remote.ui.modelLabel.text


def test_models_that_ship_cannot_be_removed_and_the_prompt_model_tells_its_license(panel):
    assert not panel.ui.removeModelButton.enabled
    assert not panel.ui.removePromptModelButton.enabled
    assert "CC BY-NC-SA 4.0" in panel.ui.promptModelComboBox.toolTip
