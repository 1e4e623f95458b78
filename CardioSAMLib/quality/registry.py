"""The quality rules, in the order of their notes. Limits and measured false alarms: docs/methods.md, quality rules."""

from __future__ import annotations

from CardioSAMLib.quality import anatomy, coverage, physiology, timing
from CardioSAMLib.quality.rules import Rule

RULES = (
    Rule("lv_in_pieces", "error", anatomy.lv_in_pieces_below_base),
    Rule("lv_in_pieces_at_base", "warning", anatomy.lv_in_pieces_at_base),
    Rule("lv_not_enclosed", "error", anatomy.lv_not_enclosed_below_base, {"open_share_of_outline": 0.1}),
    Rule("lv_not_enclosed_at_base", "warning", anatomy.lv_not_enclosed_at_base, {"open_share_of_outline": 0.5}),
    Rule("myocardium_in_pieces", "warning", anatomy.myocardium_in_pieces),
    Rule("rv_in_pieces", "info", anatomy.rv_in_pieces),
    Rule("lv_small_area", "info", anatomy.lv_small_area, {"min_pixels": 10}),
    Rule("few_lv_slices", "warning", coverage.few_lv_slices, {"min_slices": 6}),
    Rule("lv_slice_missing", "warning", coverage.lv_slice_missing),
    Rule("apex_truncated", "warning", coverage.apex_truncated, {"max_share_of_largest_area": 0.25}),
    Rule("base_truncated", "info", coverage.base_truncated, {"max_share_of_largest_area": 0.25}),
    Rule(
        "slices_shifted",
        "warning",
        coverage.slices_shifted,
        {"max_off_mm": 5.0, "min_share_of_largest_area": 0.3},
    ),
    Rule("ef_implausible", "error", physiology.ef_implausible, {"min_percent": 5.0, "max_percent": 85.0}),
    Rule("edv_implausible", "error", physiology.edv_implausible, {"min_ml": 30.0, "max_ml": 500.0}),
    Rule("wall_implausible", "error", physiology.wall_implausible, {"min_mm": 3.0, "max_mm": 30.0}),
    Rule(
        "mass_not_conserved",
        "error",
        physiology.mass_changes,
        {"min_percent": -25.0, "max_percent": 50.0},
    ),
    Rule(
        "mass_change_unusual",
        "warning",
        physiology.mass_changes,
        {"min_percent": -15.0, "max_percent": 35.0, "least_percent": -25.0, "most_percent": 50.0},
    ),
    Rule("stroke_volumes_differ", "info", physiology.stroke_volumes_differ, {"max_difference_ml": 50.0}),
    Rule("es_ambiguous", "warning", timing.es_ambiguous, {"min_difference_ml": 2.0}),
    Rule("ed_es_swapped", "error", timing.ed_es_swapped),
    Rule("ed_es_adjacent", "warning", timing.ed_es_adjacent, {"min_frames": 12}),
    Rule("few_frames", "warning", timing.few_frames, {"min_frames": 12}),
    Rule("frame_outlier", "warning", timing.frame_outlier, {"max_share_of_edv": 0.15}),
    Rule("cycle_not_closed", "warning", timing.cycle_not_closed, {"max_share_of_edv": 0.10, "min_frames": 20}),
    Rule("heart_rate_conflict", "warning", timing.heart_rate_conflict, {"max_share": 0.10, "min_frames": 12}),
)
