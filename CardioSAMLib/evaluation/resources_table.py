"""What results cost: the model's size, computing time, memory, and the time a person spends on prompts."""

from __future__ import annotations

from dataclasses import dataclass

from CardioSAMLib.evaluation.result import EvaluationResult


@dataclass(frozen=True)
class PromptingTime:
    """What one prompt takes of a person's time. draw_s: to draw it. select_s: to choose among the masks it gives."""

    draw_s: float
    select_s: float
    source: str

    def minutes(self, prompts: float) -> float:
        """Minutes for so many prompts."""
        return prompts * (self.draw_s + self.select_s) / 60.0


# 3 h to draw and 1.1 h to select 1,350 masks of 100 echocardiograms: 2.46 minutes per study of 13.5 masks.
MEASURED_PROMPTING = PromptingTime(
    draw_s=3.0 * 3600.0 / 1350.0,
    select_s=1.1 * 3600.0 / 1350.0,
    source="Ferreira & Arnaout 2023: one reader, boxes on 100 echocardiograms, 3 h to draw and 1.1 h to select 1,350 "
    "masks; for other prompts, readers and images an estimate",
)


@dataclass(frozen=True)
class Resources:
    """Of one evaluated model; None where the result does not say.

    parameters: of the network. file_mb: its file, in 10^6 bytes. seconds_per_study: median over the patients, on the
    machine of the evaluation. peak_memory_mb: highest memory of that process, in MiB. prompts_per_study: boxes or
    points that a person would have to give. prompting_minutes: the time for those, by a `PromptingTime`.
    """

    parameters: int | None
    file_mb: float | None
    seconds_per_study: float | None
    peak_memory_mb: float | None
    prompts_per_study: float | None
    prompting_minutes: float | None


@dataclass(frozen=True)
class ResourceRow:
    """How one field of `Resources` is shown."""

    field: str
    title: str
    unit: str
    digits: int


RESOURCE_ROWS = (
    ResourceRow("parameters", "Parameters", "", 0),
    ResourceRow("file_mb", "Model file", "MB", 1),
    ResourceRow("seconds_per_study", "Computing time per study, median", "s", 1),
    ResourceRow("peak_memory_mb", "Peak memory", "MiB", 0),
    ResourceRow("prompts_per_study", "Prompts per study", "", 1),
    ResourceRow("prompting_minutes", "Prompting per study", "min", 2),
)


def resources_of(result: EvaluationResult, prompting: PromptingTime = MEASURED_PROMPTING) -> Resources:
    """The resources that a result names. Automatic contours take no prompts."""
    known = result.resources
    parameters, size = known.get("parameters"), known.get("model_bytes")
    prompts = 0.0 if result.prompt_source == "automatic" else known.get("prompts_per_study")
    return Resources(
        parameters=None if parameters is None else int(parameters),
        file_mb=None if size is None else size / 1e6,
        seconds_per_study=result.seconds_per_study_median,
        peak_memory_mb=known.get("peak_rss_mb"),
        prompts_per_study=prompts,
        prompting_minutes=None if prompts is None else prompting.minutes(prompts),
    )
