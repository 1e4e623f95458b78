"""Which names are long-axis views, and which candidate is taken."""

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io.candidates import (
    CineCandidate,
    CineSource,
    SeveralCines,
    choose,
    is_named_long_axis,
    purpose_of,
    qualifies,
)


def source(key: str, slices: int, frames: int, short_axis: bool) -> CineSource:
    def read():
        raise AssertionError("choosing does not read")

    return CineSource(CineCandidate(key, f"series {key}", slices, frames, short_axis), read)


@pytest.mark.parametrize(
    "name",
    [
        "cine_2CH",
        "4 chamber",
        "TRUFI 3ch retro",
        "LAX",
        "b-TFE_4-CH",
        "LVOT cine",
        "long axis",
        "cine_la_4ch",
        "VLA",
        "2chamber",
    ],
)
def test_long_axis_names_are_known(name):
    assert is_named_long_axis(name)


@pytest.mark.parametrize(
    "name", ["SAX", "cine short axis", "sa stack", "FIESTA 20 phases", "Lake", "relax", "12CHANNEL", ""]
)
def test_other_names_are_not_taken_for_long_axis(name):
    assert not is_named_long_axis(name)


@pytest.mark.parametrize(
    "name", ["SA tagging", "perfusion_rest", "PC flow", "T1 map", "MOLLI", "cine LGE", "localizer"]
)
def test_series_for_other_purposes_are_not_taken_for_the_cine(name):
    assert purpose_of(name)
    assert not qualifies(name, 3, 20)


@pytest.mark.parametrize(
    "name", ["SAX 25 phases", "cine_tfi_retro", "FIESTA flowcomp SA", "stack T10", "relocated", "lateral"]
)
def test_a_cine_has_no_other_purpose(name):
    assert not purpose_of(name)
    assert qualifies(name, 10, 20)


def test_the_only_short_axis_stack_is_taken():
    chosen = choose([source("1", 1, 25, False), source("2", 10, 25, True), source("3", 3, 1, False)], None)
    assert chosen.candidate.key == "2"


def test_the_only_candidate_is_taken_though_it_does_not_move():
    assert choose([source("1", 10, 1, False)], None).candidate.key == "1"


def test_two_short_axis_stacks_are_for_the_user_to_choose():
    sources = [source("1", 10, 25, True), source("2", 10, 25, True)]
    with pytest.raises(SeveralCines) as caught:
        choose(sources, None)
    assert str(caught.value).splitlines()[1:] == ["  --series 1   series 1", "  --series 2   series 2"]
    assert choose(sources, "2").candidate.key == "2"


def test_single_slices_only_are_unusable():
    with pytest.raises(UnusableInput, match="2 images of one slice each and no short-axis stack"):
        choose([source("1", 1, 25, False), source("2", 1, 25, False)], None)
