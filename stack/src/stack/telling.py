"""The story and the progress on a terminal."""

from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from stack.actors import Step
from stack.instance import Instance
from stack.loading import Progress as Hear

console = Console(highlight=False, soft_wrap=True)


class Narrator:
    """Prints a journey step by step."""

    def __init__(self) -> None:
        self._chapter = ""
        self.steps: list[Step] = []

    def __call__(self, step: Step) -> None:
        """Print one step."""
        self.steps.append(step)
        if step.chapter != self._chapter:
            self._chapter = step.chapter
            console.print(f"\n[bold]{escape(step.chapter)}[/bold]")
        console.print(
            f"  [cyan]{step.who}[/cyan] → [green]{step.whom}[/green]: {escape(step.what)}\n"
            f"      {escape(step.answer)} [dim]({step.milliseconds:.0f} ms)[/dim]"
        )


@contextmanager
def loading(instance: Instance) -> Generator[Hear]:
    """Show how far loading is, a bar for the whole file."""
    total = sum(
        len(section)
        for section in (
            instance.members,
            instance.registries,
            instance.policies,
            instance.agreements,
            instance.individuals,
            instance.eventTypes,
            instance.subscriptions,
            instance.catalogue.entries,
            instance.catalogue.reuses,
        )
    )
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("loading", total=total)

        def hear(section: str, done: int) -> None:
            progress.update(task, advance=done, description=f"loading {section}")

        yield hear
