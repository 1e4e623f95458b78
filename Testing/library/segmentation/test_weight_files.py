"""Claims about `weight_files`; that files which could run code are refused is shown in `test_sam_checkpoint`."""

import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.segmentation.weight_files import layout_problem, opened_file, weights_in

EXPECTED = {"a": torch.zeros(2, 3), "b": torch.zeros(4)}


def test_the_same_names_and_shapes_are_no_problem_whatever_the_values():
    assert layout_problem({"b": torch.ones(4), "a": torch.ones(2, 3)}, EXPECTED) is None


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        ({"a": EXPECTED["a"]}, "1 names are missing, as b"),
        ({**EXPECTED, "c": torch.zeros(1)}, "1 names do not belong there, as c"),
        ({**EXPECTED, "a": torch.zeros(3, 2)}, "a has the shape (3, 2), not (2, 3)"),
    ],
)
def test_what_does_not_fit_is_named(weights, problem):
    assert layout_problem(weights, EXPECTED) == problem


def test_what_was_stored_is_what_is_opened(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(EXPECTED, path)
    opened = weights_in(opened_file(path, "example.pt"), path, "anything")
    assert layout_problem(opened, EXPECTED) is None


@pytest.mark.parametrize("stored", [[1, 2], "text", {"a": 1}, {}])
def test_what_holds_no_weights_is_refused(stored, tmp_path):
    path = tmp_path / "other.pt"
    torch.save(stored, path)
    with pytest.raises(UnusableInput, match=r"other.pt holds no state dict .*; give a checkpoint of this kind"):
        weights_in(opened_file(path, "example.pt"), path, "this kind")
