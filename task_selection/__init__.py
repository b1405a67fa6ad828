"""Task selection that a long run can rely on; the YAML names these by dotted path.

    difficulty_based.py       task_selection.DifficultyBasedSelector (BOTS, arXiv 2510.26374)
    pass_rate_calculator.py   task_selection.PassRateCalculator, its feedback
    checks.py                 what the two accept, checked before Ray starts

The classes are imported when they are first asked for: they bring torch and Trinity (3 to 4 s),
which the checks do without.
"""

__all__ = ["DifficultyBasedSelector", "PassRateCalculator"]


def __getattr__(name: str):
    if name == "DifficultyBasedSelector":
        from task_selection.difficulty_based import DifficultyBasedSelector

        return DifficultyBasedSelector
    if name == "PassRateCalculator":
        from task_selection.pass_rate_calculator import PassRateCalculator

        return PassRateCalculator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
