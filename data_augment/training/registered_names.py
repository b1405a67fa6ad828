"""Names in the YAML that stand for a class: Trinity's short ones, or dotted paths.

The short names are read out of Trinity's source: to import the registries takes torch, wandb and
others, 5 s of CPU more than all other checks together. A dotted path, `module.Class`, is imported
as Trinity will import it, so that a spelling mistake or an error in the module is known here.
"""

import ast
import difflib
import importlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from data_augment.rollouts.files import ROLLOUT_STORE
from data_augment.training.experiment_yaml import FIXED_CLASSES, selector_key
from data_augment.training.plan import Plan
from safe_files import REPO

# The file of each registry in Trinity 0.6.0, and a method that its classes have.
SELECTORS = ("buffer/selector/__init__.py", "get_indices")
OPERATORS = ("buffer/operators/__init__.py", "process")
MONITORS = ("utils/monitor.py", "log")
ALGORITHMS = ("algorithm/__init__.py", "default_config")
PARTS = {  # of the algorithm
    "algorithm.advantage_fn": ("algorithm/advantage_fn/__init__.py", "__call__"),
    "algorithm.entropy_loss_fn": ("algorithm/entropy_loss_fn/__init__.py", "__call__"),
    "algorithm.kl_loss_fn": ("algorithm/kl_fn/__init__.py", "calculate_kl_loss"),
    "algorithm.kl_penalty_fn": ("algorithm/kl_fn/__init__.py", "apply_kl_penalty_to_reward"),
    "algorithm.policy_loss_fn": ("algorithm/policy_loss_fn/__init__.py", "__call__"),
    "algorithm.sample_strategy": ("algorithm/sample_strategy/__init__.py", "sample"),
}
WITHOUT_ROLLOUTS = ("cpt", "dpo", "sft")  # algorithms that learn from given answers
WITH_CRITIC = ("ppo",)


def check_registered_names(settings, plan: Plan) -> None:
    """Selector, operators, monitor, algorithm and its parts exist.

    Args:
        settings: the configuration with defaults (experiment_yaml.with_defaults).
    """
    from omegaconf import OmegaConf

    named = {
        f"{selector_key(settings)}.selector_type": SELECTORS,
        "monitor.monitor_type": MONITORS,
        "algorithm.algorithm_type": ALGORITHMS,
        **PARTS,
    }
    for key, registry in named.items():
        name = OmegaConf.select(settings, key)
        if name is not None:
            check_name(key, name, registry, plan)
    for i, operator in enumerate(settings.data_processor.experience_pipeline.operators):
        key = f"data_processor.experience_pipeline.operators[{i}]"
        check_name(f"{key}.name", operator.name, OPERATORS, plan)
    check_algorithm(settings, plan)


def check_name(key: str, name: str, registry: tuple[str, str], plan: Plan) -> None:
    """`name` is a name of Trinity's, or the dotted path of a class that can serve."""
    file, method = registry
    known = short_names(file)
    if name in known or name in (*FIXED_CLASSES.values(), ROLLOUT_STORE):
        return
    if "." in name:
        problem = import_problem(name, method)
        if problem:
            plan.error(key, f"{name}: {problem}", "Fix the path or the module")
        return
    close = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    choices = f"Names there are: {', '.join(sorted(known))}; or a dotted path, module.Class"
    plan.error(key, f"{name!r} is unknown", hint + choices)


def short_names(file: str) -> dict[str, str]:
    """The names of a registry of Trinity's and the dotted paths of their classes.

    Args:
        file: where the registry is made, below Trinity's folder.
    """
    folder = Path(find_spec("trinity").origin).parent
    for node in ast.walk(ast.parse((folder / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "default_mapping":
            return ast.literal_eval(node.value)
    raise LookupError(f"trinity/{file} holds no registry: this is not trinity-rft 0.6.0")


def import_problem(path: str, method: str) -> str:
    """Why the class at a dotted path cannot serve; "" where it can."""
    module_name, _, class_name = path.rpartition(".")
    try:
        module = import_as_workers_do(module_name)
        found = getattr(module, class_name, None)
    except Exception as error:  # the module is the user's, it may raise anything
        return f"{module_name} cannot be imported ({type(error).__name__}: {error})"
    if not isinstance(found, type):
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        listed = ", ".join(classes or getattr(module, "__all__", [])) or "none"
        return f"no class {class_name!r} in {module_name}; classes there: {listed}"
    if not hasattr(found, method):
        return f"the class has no method {method}"
    return ""


def import_as_workers_do(module_name: str):
    """Import a module that stands in this pack, in the current folder, or is installed."""
    for folder in (str(REPO), os.getcwd()):
        if folder not in sys.path:
            sys.path.append(folder)
    return importlib.import_module(module_name)


def check_algorithm(settings, plan: Plan) -> None:
    key, name = "algorithm.algorithm_type", settings.algorithm.algorithm_type
    if name in WITHOUT_ROLLOUTS:
        found = f"{name} learns from given answers, not from the agent's rollouts"
        plan.error(key, found, "Choose one that does: multi_step_grpo")
    elif name in WITH_CRITIC and settings.model.tinker.enable:
        plan.error(key, f"{name} trains a critic, Tinker has none", "Choose multi_step_grpo")
