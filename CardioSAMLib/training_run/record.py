"""What a finished training says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from CardioSAMLib.training_run.encoders import OpenedEncoder

if TYPE_CHECKING:
    from CardioSAMLib.training.loop import TrainingRun


def record_of(
    run: TrainingRun, encoder: OpenedEncoder | None, export_difference: float | None, start: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that `record.json` holds.

    kept: the row of the history whose weights were written. seconds: computed, without stops, with validations.
    start: what else decided the weights: the patients, and the sha256 of the weights that were begun with.
    export_difference: the largest between the logits of torch and of the exported file; None where there is none.
    """
    from CardioSAMLib.training.history import versions

    weights = list(run.network.parameters())
    kept = run.best_step if run.configuration.keep == "best" else run.step
    return {
        "configuration": run.configuration.what_decides_the_weights(),
        "encoder": {"name": encoder.name, "sha256": encoder.sha256, "input": encoder.input} if encoder else None,
        **start,
        "versions": versions(),
        "device": str(run.processes.device),
        "precision": ", then ".join(run.precisions),
        "processes": run.processes.part.count,
        "parameters": sum(weight.numel() for weight in weights),
        "parameters_that_learn": sum(weight.numel() for weight in weights if weight.requires_grad),
        "steps": run.step,
        "seconds": round(run.seconds, 1),
        "best_step": run.best_step,
        "kept": next(row for row in run.history if row["step"] == kept),
        "history": run.history,
        "export_difference": export_difference,
    }
