"""The page and the figure of what `measure_clicks.py` has measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Row = dict[str, Any]

NAMES = {
    "slice_redrawn": "bound: the whole slice redrawn by hand",
    "corrected": "a click corrects its slice",
    "corrected_beside": "... and the slices beside it",
    "contour_shown": "the model always sees the contour",
    "model_alone": "the model's own answer to the click",
}
_COLORS = {"slice_redrawn": "0.6", "corrected": "C0", "corrected_beside": "C1", "model_alone": "C3"}
_ORDER = ("corrected", "corrected_beside", "contour_shown", "model_alone", "slice_redrawn")


def page(result: Row) -> str:
    curves, chosen, model = result["clicks"], result["chosen_on"], result["model"]
    usual = curves["corrected"]
    first, last = usual["steps"][0], usual["steps"][-1]
    best = result["boxes"][0]
    reach = chosen["usual_reach"]
    return f"""# Few clicks, measured

Written by `{result["command"]}`, never by hand; the figures are in [clicks.json](clicks.json). Model `{model["id"]}`,
version {model["version"]}; automatic contours of `{result["automatic"]}`. {result["patients"]} validation patients of
ACDC (`{result["split"]}`) that neither was trained on, end-diastole and end-systole. Research use only.

**The simulated user sees the expert's contours** (prompt source `reference`): these figures may not be set beside those
of automatic contours ([validation.md](validation.md)).

## Automatic contours, corrected

Each click goes into the largest error of the study: of all slices of both frames and all structures, the most connected
pixels that one structure misses or has too many; there to the pixel farthest from the error's edge, positive where the
structure was missed. No pixel is clicked twice.

![Mean Dice and errors of the ejection fractions after 0 to {len(usual["steps"]) - 1} clicks](images/clicks.png)

3D Dice, mean over structures, frames and patients:

| clicks per study | {" | ".join(map(str, range(len(usual["steps"]))))} |
|---|{"---|" * len(usual["steps"])}
{curve_rows(curves, "dice", 4)}

Mean absolute error of the ejection fraction, points (in brackets: of the worst patient):

| clicks per study | {" | ".join(map(str, range(len(usual["steps"]))))} |
|---|{"---|" * len(usual["steps"])}
{ef_rows(curves, "lv")}
{ef_rows(curves, "rv")}

With {len(usual["steps"]) - 1} clicks Dice goes from {first["dice"]:.3f} to {last["dice"]:.3f}, the worst patient's from
{first["dice_lowest"]:.3f} to {last["dice_lowest"]:.3f}; the mean error of the LV's ejection fraction from
{first["lv_ef_mae_points"]:.1f} to {last["lv_ef_mae_points"]:.1f} points, of the RV's from
{first["rv_ef_mae_points"]:.1f} to {last["rv_ef_mae_points"]:.1f}.

What single clicks did ("removed": wrong pixels of the study that are gone, as a share of the error that was clicked;
"worse": clicks that left more wrong pixels than before; time with the slice encoded before):

| | clicks | obeyed | removed | worse | ms, median | ms, p95 |
|---|---|---|---|---|---|---|
{click_rows(curves)}

**Why not the model alone?** Shown the automatic contour, a box around it and the click, its answer leaves
{100 - 100 * curves["model_alone"]["obeyed_share"]:.0f} % of the clicks unheeded. `corrected_slice`
(`segmentation/correction.py`) therefore takes the click as the truth: the model's logits are raised (or lowered) around
it until it lies inside (outside), by a Gaussian of the distance ({reach["mm"]:g} mm, or {reach["of_way_to_contour"]:g}
times the way to the contour where that is less) and of the difference of gray values ({reach["gray"]:g} standard
deviations of the image); logits count up to {reach["surest_logit"]:g} on both sides, and that of the clicked pixel is
made {reach["clicked_logit"]:g}; of the pixels that change, the connected part that holds the click is taken over, and
it may only grow (or shrink) the structure. So every click is obeyed, and nothing far from it changes. The contour that
is to change is not shown to the model where there is a positive click.

These numbers, that the contour is not shown, and that a click changes its own slice only, were chosen on patients that
both models were trained on, where errors are smaller and fewer. On {chosen["patients"]} of these, 3D Dice:

| clicks per study | {" | ".join(map(str, range(len(usual["steps"]))))} |
|---|{"---|" * len(usual["steps"])}
{curve_rows(chosen["curves"], "dice", 4)}

and with other reaches:

| distance, mm | times way to contour | gray values | logits to | at the click | Dice, all clicks | removed | worse |
|---|---|---|---|---|---|---|---|
{reach_rows(chosen)}

## One box per structure on one slice

A box around each structure of one slice at end-diastole (the middle one of those with all structures), from the
reference; its sides are off by a normal error of so many mm. What the model draws there is propagated
to all slices at end-diastole and end-systole. No automatic contour is used, nothing else is known of the patient;
slices that the heart does not reach count, too.

3D Dice {best["dice"]:.3f} with exact boxes, of the worst patient {best["dice_lowest"]:.3f}; on the prompted slice
itself {best["middle_slice_dice"]:.3f}.

| way | box sides off by | Dice | worst patient | ED: RV | MYO | LV | ES: RV | MYO | LV |
|---|---|---|---|---|---|---|---|---|---|
{box_rows(result["boxes"])}

ACDC has the two frames only, so nothing is tracked through the frames between them. "Middle slice to ES first": the
prompted slice is drawn at end-systole, and from these two slices the stack of each frame. "ED stack first": all slices
at end-diastole, then each at end-systole from its own end-diastole.
"""


def curve_rows(curves: Row, key: str, digits: int) -> str:
    return "\n".join(
        f"| {NAMES[name]} | " + " | ".join(f"{step[key]:.{digits}f}" for step in curves[name]["steps"]) + " |"
        for name in _ORDER
        if name in curves
    )


def ef_rows(curves: Row, side: str) -> str:
    return "\n".join(
        f"| {side.upper()}, {NAMES[name]} | "
        + " | ".join(
            f"{step[f'{side}_ef_mae_points']:.1f} ({step[f'{side}_ef_worst_points']:.0f})"
            for step in curves[name]["steps"]
        )
        + " |"
        for name in _ORDER
        if name in curves
    )


def click_rows(curves: Row) -> str:
    rows = []
    for name in ("corrected", "corrected_beside", "model_alone"):
        one = curves[name]
        shares = (one[key] for key in ("obeyed_share", "gain_of_error_share", "worse_share"))
        cells = [str(one["clicks"]), *(f"{100 * share:.0f} %" for share in shares)]
        rows.append(f"| {NAMES[name]} | {' | '.join(cells)} | {one['ms_median']:.0f} | {one['ms_p95']:.0f} |")
    return "\n".join(rows)


def reach_rows(chosen: Row) -> str:
    usual = {**chosen["usual_reach"], **chosen["curves"]["corrected"]}
    return "\n".join(
        f"| {limit(row['mm'])} | {limit(row['of_way_to_contour'])} | {limit(row['gray'])} | "
        f"{limit(row['surest_logit'])} | {limit(row['clicked_logit'])} | "
        f"{row['steps'][-1]['dice']:.4f} | {100 * row['gain_of_error_share']:.0f} % | "
        f"{100 * row['worse_share']:.0f} % |"
        for row in (usual, *chosen["reaches"])
    )


def limit(value: float) -> str:
    return f"{value:g}" if value < 1e3 else "no limit"


def box_rows(rows: list[Row]) -> str:
    return "\n".join(
        f"| {row['way']} | {row['jitter'].removeprefix('sym_N(0,').removesuffix(')')} | {row['dice']:.3f} | "
        f"{row['dice_lowest']:.3f} | "
        + " | ".join(f"{row['by_frame'][frame][name]:.3f}" for frame in ("ED", "ES") for name in ("RV", "MYO", "LV"))
        + " |"
        for row in rows
    )


def draw(result: Row, file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = (
        ("dice", "Mean 3D Dice"),
        ("lv_ef_mae_points", "Mean error of LV EF, points"),
        ("rv_ef_mae_points", "Mean error of RV EF, points"),
    )
    figure, axes = plt.subplots(1, len(panels), figsize=(11, 3.6), layout="constrained")
    for axis, (key, label) in zip(axes, panels, strict=True):
        for name in result["clicks"]:
            values = [step[key] for step in result["clicks"][name]["steps"]]
            style = "--" if name == "slice_redrawn" else "-"
            axis.plot(values, style, marker="o", markersize=4, color=_COLORS[name], label=NAMES[name])
        axis.set_xlabel("Clicks per study")
        axis.set_ylabel(label)
        axis.spines[["top", "right"]].set_visible(False)
        if key != "dice":
            axis.set_ylim(bottom=0)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file, dpi=130, metadata={"Software": None})
    plt.close(figure)
