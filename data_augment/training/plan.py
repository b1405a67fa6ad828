"""What will run, and what the checks found: for the terminal, before anything is started."""

from dataclasses import dataclass, field


@dataclass
class Plan:
    """What will run, and what the checks found.

    `steps`: training steps planned; `errors` stop the run; `facts` (name, text) and `notes` are
    for the reader.
    """

    steps: int = 0
    errors: list[str] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def error(self, where: str, found: str, fix: str) -> None:
        self.errors.append(f"{where}: {found}. {fix}")

    def note(self, where: str, found: str) -> None:
        self.notes.append(f"{where}: {found}")

    def fact(self, name: str, text: str) -> None:
        self.facts.append((name, text))

    def __str__(self) -> str:
        rows = [*self.facts, *(("note", note) for note in self.notes)]
        return "\n".join(["Plan", *(f"  {name:<12}{text}" for name, text in rows)])
