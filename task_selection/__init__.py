"""Task selection: which tasks a step trains on, and what is learned from their results.

    difficulty_based.py       task_selection.DifficultyBasedSelector (BOTS, arXiv 2510.26374)
    estimator.py              its estimate of every task's pass rate
    feature_based.py          task_selection.FeatureBasedSelector, from columns of any kind
    columns.py, logistic.py   its features, and the weights that all tasks share
    pass_rate_calculator.py   task_selection.PassRateCalculator, which sends it the results
    in_flight.py              which of the tasks drawn never came back
    draws.py                  what was believed of the tasks drawn, in a file
    metrics.py                what a selector writes down at each step
    checks.py                 what they accept, checked before Ray starts
    state.py                  how a selector is saved

The YAML names the classes by these dotted paths. They are imported when they are first asked
for: they bring torch and Trinity (3 to 4 s), which the checks do without.
"""

__all__ = ["DifficultyBasedSelector", "FeatureBasedSelector", "PassRateCalculator"]


def __getattr__(name: str):
    if name == "DifficultyBasedSelector":
        from task_selection.difficulty_based import DifficultyBasedSelector

        return DifficultyBasedSelector
    if name == "FeatureBasedSelector":
        from task_selection.feature_based import FeatureBasedSelector

        return FeatureBasedSelector
    if name == "PassRateCalculator":
        from task_selection.pass_rate_calculator import PassRateCalculator

        return PassRateCalculator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
