"""The bar that shows a terminal how far long work is (floor 4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from CardioSAMLib.progress import Progress, silent


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar with stage names on a terminal, nothing elsewhere."""
    from rich import progress as bars
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    columns = (bars.BarColumn(), bars.TaskProgressColumn(), bars.TextColumn("{task.description}"))
    with bars.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda fraction, message: bar.update(task, completed=fraction, description=message)
