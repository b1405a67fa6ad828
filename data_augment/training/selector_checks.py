"""The task selector before Ray starts: its parameters, and the pass rates that it learns from."""

from data_augment.training.experiment_yaml import (
    CALCULATORS,
    operators,
    selector_key,
    selector_node,
)
from data_augment.training.plan import Plan
from task_selection.checks import (
    FeatureParameters,
    Parameters,
    check_parameters,
    is_difficulty_based,
    is_feature_based,
)

# Trinity's operators that drop rollouts.
FILTERS = ("dapo_dynamic_sampling", "reward_std_filter", "reward_filter", "invalid_reward_filter")


def check_selector(settings, plan: Plan) -> None:
    """Parameters in range, the calculator first, m equal to the group size, no batch too small."""
    selector = selector_node(settings)
    kind = selector.get("selector_type") or "sequential"
    kwargs = selector.get("kwargs") or {}
    shown = [f"{key} {value}" for key, value in kwargs.items() if not key.startswith("state_")]
    plan.fact("selector", f"{kind}: {', '.join(shown)}" if shown else kind)

    names = [operator.name for operator in operators(settings)]
    if kind == "sequential" and "pass_rate_calculator" in names:
        found = "Trinity's own pass_rate_calculator fails with sequential: its tasks have no index"
        plan.error("--stock", found, "Leave --stock or the calculator out")
    check_filters(settings, names, plan)
    if is_difficulty_based(kind):
        check_difficulty_based(settings, selector, plan)
    if is_difficulty_based(kind) or is_feature_based(kind):
        check_kwargs(settings, kind, kwargs, plan)
        check_calculator(names, plan)


def check_filters(settings, names: list[str], plan: Plan) -> None:
    """With sync_style fixed the trainer waits for a whole batch, and the explorer for the trainer.

    trinity-rft 0.6.0: the first group that is dropped leaves both waiting until sync_timeout.
    """
    operators_key = "data_processor.experience_pipeline.operators"
    found = [(operators_key, name) for name in names if name in FILTERS]
    if (settings.algorithm.advantage_fn_args or {}).get("std_threshold") is not None:
        found.append(("algorithm.advantage_fn_args", "std_threshold"))
    for key, name in found:
        if settings.synchronizer.sync_style.value == "fixed":
            plan.error(
                key,
                f"{name} drops rollouts, and the trainer would wait for them",
                "Leave it out, or synchronizer.sync_style=dynamic_by_explorer",
            )
        else:
            plan.note(
                key,
                f"{name} drops rollouts, so that fewer steps are trained than planned: the run "
                "ends with exit status 1 when its tasks are used up",
            )


def check_difficulty_based(settings, selector, plan: Plan) -> None:
    key = selector_key(settings)
    columns = list(selector.get("feature_keys") or [])
    if selector.selector_type == "difficulty_based" and len(columns) != 2:
        plan.error(f"{key}.feature_keys", f"{columns}", "Trinity's own selector needs two columns")


def check_kwargs(settings, kind: str, kwargs, plan: Plan) -> None:
    key = selector_key(settings)
    model = FeatureParameters if is_feature_based(kind) else Parameters
    plan.errors += [f"{key}.{error}" for error in check_parameters(dict(kwargs), model)]
    m = kwargs.get("m", model.model_fields["m"].default)
    repeat_times = settings.algorithm.repeat_times
    if m != repeat_times:
        plan.error(
            f"{key}.kwargs.m",
            f"{m}, but algorithm.repeat_times is {repeat_times}",
            "It is the number of rollouts behind each pass rate: make them equal",
        )


def check_calculator(names: list[str], plan: Plan) -> None:
    """The calculator comes first: an operator before it may drop rollouts that it has to count."""
    if names and names[0].endswith(CALCULATORS):
        return
    missing = not any(name.endswith(CALCULATORS) for name in names)
    plan.error(
        "data_processor.experience_pipeline.operators",
        "pass_rate_calculator is missing" if missing else f"{names[0]} stands before it",
        "the selector learns from it: put `- name: pass_rate_calculator` first",
    )
