"""Downloading models of the catalogue, from a server on this computer."""

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from CardioSAMLib import resources
from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.cli import app
from CardioSAMLib.model_store import download_model, remove_model
from CardioSAMLib.progress import Cancelled
from CardioSAMLib.resources import find_model

ENCODER, DECODER = b"e" * 700_000, b"d" * 300_000


def published_models():
    path = Path(__file__).resolve().parents[1] / "published_models.py"
    specification = importlib.util.spec_from_file_location("published_models", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


PUBLISHED = published_models()


@pytest.fixture
def server():
    with PUBLISHED.running_server() as server:
        server.contents = {"encoder.onnx": ENCODER, "decoder.onnx": DECODER}
        yield server


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch, server):
    """The user's folder; the catalogue has the model `remote` of two files, and `shipped`, which comes along."""
    shipped, folder = b"shipped", tmp_path / "Resources"
    own = {
        key: value for key, value in PUBLISHED.file_entry("shipped.onnx", shipped, server.url).items() if key != "url"
    }
    PUBLISHED.write_catalogue(
        folder,
        {"id": "shipped", "title": "Shipped", **own},
        {
            "id": "remote",
            "title": "Remote model",
            **PUBLISHED.file_entry("encoder.onnx", ENCODER, server.url),
            "decoder": PUBLISHED.file_entry("decoder.onnx", DECODER, server.url),
        },
    )
    (folder / "Models" / "shipped.onnx").write_bytes(shipped)
    monkeypatch.setattr(resources, "resources_dir", lambda: folder)
    monkeypatch.setenv("CARDIOSAM_MODELS", str(tmp_path / "own"))
    return tmp_path / "own"


def left_in(home):
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*")) if home.exists() else []


def test_a_model_is_known_before_it_is_here(home):
    card = find_model("remote")
    assert not card.is_here
    assert card.total_bytes == 1_000_000
    assert find_model("shipped").is_here
    assert not home.exists()


def test_a_downloaded_model_is_found_by_name_with_all_its_files(home):
    download_model("remote")
    card = find_model("remote")
    assert card.is_here
    assert card.path.read_bytes() == ENCODER
    assert card.path.with_name("decoder.onnx").read_bytes() == DECODER
    assert left_in(home) == ["remote", "remote/decoder.onnx", "remote/encoder.onnx"]


def test_nothing_is_fetched_twice(server):
    download_model("remote")
    download_model("remote")
    assert server.asked == ["encoder.onnx", "decoder.onnx"]


def test_progress_grows_from_file_to_file_and_says_how_much(server):  # noqa: ARG001
    told = []
    download_model("remote", lambda fraction, message: told.append((fraction, message)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert told[0][1].startswith("downloading Remote model: 0.")
    assert "of 0.3 MB" in told[-1][1]


def test_a_canceled_download_leaves_nothing(home):
    def cancel(fraction, _message):
        if fraction > 0.7:  # in the second file
            raise Cancelled

    with pytest.raises(Cancelled):
        download_model("remote", cancel)
    assert left_in(home) == []
    assert not find_model("remote").is_here


@pytest.mark.parametrize("sent", [b"x" * 300_000, DECODER + b"more", DECODER[:-1], b"x"])
def test_another_file_than_that_of_the_catalogue_is_refused_and_deleted(server, home, sent):
    server.contents["decoder.onnx"] = sent
    with pytest.raises(UnusableInput, match=r"127\.0\.0\.1 sent another file for Remote model"):
        download_model("remote")
    assert left_in(home) == []


def test_a_file_that_the_server_does_not_have_is_a_sentence(server, home):
    del server.contents["decoder.onnx"]
    with pytest.raises(UnusableInput, match=r"could not be downloaded \(the server says 404 Not Found\); check"):
        download_model("remote")
    assert left_in(home) == []


def test_without_a_connection_there_is_a_sentence(server, home):
    server.close()
    with pytest.raises(UnusableInput, match=r"Remote model could not be downloaded \(.+\); check the network"):
        download_model("remote")
    assert left_in(home) == []


def test_a_removed_model_can_be_downloaded_again_and_one_that_ships_stays(home):
    download_model("remote")
    remove_model("remote")
    assert left_in(home) == []
    assert not find_model("remote").is_here
    download_model("remote")
    assert find_model("remote").is_here
    with pytest.raises(UnusableInput, match="shipped comes with CardioSAM and stays"):
        remove_model("shipped")


def test_there_is_nothing_to_remove_before_a_download():
    with pytest.raises(UnusableInput, match="no model 'remote' that could be removed"):
        remove_model("remote")


def test_a_damaged_file_is_replaced():
    download_model("remote")
    find_model("remote").path.write_bytes(b"cut off")
    download_model("remote")
    assert find_model("remote").path.read_bytes() == ENCODER


def test_a_model_that_ships_and_has_lost_its_file_cannot_be_downloaded():
    find_model("shipped").path.unlink()
    with pytest.raises(UnusableInput, match="install CardioSAM again"):
        download_model("shipped")


def test_the_command_asks_before_it_downloads(server, home):
    declined = CliRunner().invoke(app, ["models", "download", "remote"], input="n\n")
    assert "Remote model: 1.0 MB from http://127.0.0.1" in declined.output
    assert "license CC BY 4.0" in declined.output
    assert server.asked == []
    CliRunner().invoke(app, ["models", "download", "remote"], input="y\n")
    assert find_model("remote").is_here
    assert CliRunner().invoke(app, ["models", "remove", "remote"]).exit_code == 0
    assert CliRunner().invoke(app, ["models", "download", "remote", "--yes"]).output.strip().endswith("Ready: remote")
    assert left_in(home)


def test_the_list_tells_what_is_not_here():
    listed = CliRunner().invoke(app, ["models", "list"]).output
    assert "not here" in listed
    download_model("remote")
    assert "not here" not in CliRunner().invoke(app, ["models", "list"]).output
