"""Who drew the contours of a study, in the attributes of their nodes: the model, other models, and the reader."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from CardioSAMLib.labels import CineSegmentation, Provenance
from CardioSAMLib.mrml.segmentations import FRAMES_ATTRIBUTE, PROVENANCE_ATTRIBUTE, SegmentationNodes, provenance_of
from CardioSAMLib.mrml.studies import FrameSlices


def keep_provenance(nodes: SegmentationNodes, provenance: Provenance) -> None:
    """Writes into the scene who drew the contours."""
    stored = {**asdict(provenance), "settings": dict(provenance.settings)}
    nodes.keeper.SetAttribute(PROVENANCE_ATTRIBUTE, json.dumps(stored))


def with_setting(provenance: Provenance, name: str, value: str) -> Provenance:
    """The same, and one setting more."""
    return replace(provenance, settings={**provenance.settings, name: value})


def corrected_with(provenance: Provenance, model: Provenance) -> Provenance:
    """With the model that has drawn what a person's prompts asked for."""
    return replace(provenance, settings={**provenance.settings, **model.as_settings("corrected_with")})


def drawn_beside(new: CineSegmentation, nodes: SegmentationNodes) -> Provenance:
    """Of new contours, together with those of other frames, which stay."""
    before = provenance_of(nodes)
    others = set(json.loads(nodes.keeper.GetAttribute(FRAMES_ATTRIBUTE) or "[]")) - set(new.segmented_frames)
    if not others or before.model_sha256 == new.provenance.model_sha256:
        return new.provenance
    drawn_by = " ".join(filter(None, (before.model_id, before.model_version)))
    return with_setting(new.provenance, "Other frames", f"{drawn_by} in {', '.join(map(str, sorted(others)))}")


def corrected_by_hand(provenance: Provenance, slices: FrameSlices) -> Provenance:
    """With the slices that a person has corrected, as in "frame 0: 3, 4; frame 8: 4"."""
    if not slices:
        return provenance
    frames = sorted({frame for frame, _ in slices})
    numbers = {frame: sorted(n for f, n in slices if f == frame) for frame in frames}
    told = "; ".join(f"frame {frame}: {', '.join(map(str, numbers[frame]))}" for frame in frames)
    return with_setting(provenance, "Corrected slices", told)
