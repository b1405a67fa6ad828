"""What a run is called. Runs with one label are seeds of one experiment, and nothing else.

A label is the selector, and after a semicolon what else differs: `random`,
`difficulty_based, target 0.8`, `random; lr 1e-4, 60 steps`. Runs have one label only where their
merged YAML differs in nothing but NOT_A_DIFFERENCE. Settings that most runs have need no words.
"""

import re
from collections import Counter
from dataclasses import dataclass

from data_augment.rollouts.files import ROLLOUT_STORE
from task_selection.checks import is_difficulty_based, is_feature_based

# Keys of the merged YAML in which seeds of one experiment may differ: what does not influence what
# is learned or measured. Every other key makes another experiment.
NOT_A_DIFFERENCE = [
    # seeds
    r".*\b\w*seed",
    # names and places
    r"name|group|project|ray_namespace|checkpoint_root_dir|continue_from_checkpoint",
    r".*\b(state_dir|state_keep|base_url|api_key|trainer_config_path|plugin_dir)",
    # what is written down, and how often
    r"(monitor|log|service|stages)(\..*)?",
    r"data_processor\.experience_pipeline\.(save_input|input_save_path)",
    # main.py puts its own agent in the place of this one
    r"input\.default_workflow_type",
    r"trainer\.(save_interval|save_hf_checkpoint|save_strategy|max_checkpoints_to_keep)",
    # the machine: processes, memory, patience
    r"cluster\..*",
    r"explorer\.(name|runner_per_model|concurrent_mode|env_vars(\..*)?)",
    r".*\b(engine_num|tensor_parallel_size|gpu_memory_utilization|max_token_len_per_gpu)",
    r".*timeout",
]
# Key -> how its value is called; else the last part of the key stands before the value.
WORDS = {
    "algorithm.optimizer.lr": "lr {}",
    "algorithm.repeat_times": "{} rollouts a task",
    "buffer.batch_size": "batch {}",
    "buffer.total_epochs": "{} epochs",
    "buffer.total_steps": "{} steps",
    "explorer.eval_interval": "evaluated every {}",
    "model.model_path": "{}",
    "selector.feature_keys": "on {}",
    "taskset.path": "{}",
}
SHOWN = 3  # differences in a label


def labels(configs: dict[str, dict | None]) -> dict[str, tuple[str, int]]:
    """The label and the seed of each run, by its name; a run without YAML has its name as label."""
    known = {name: read_settings(config) for name, config in configs.items() if config is not None}
    by_selector: dict[str, list[str]] = {}
    for name, settings in known.items():
        by_selector.setdefault(settings.selector, []).append(name)
    own = {}
    for names in by_selector.values():  # a selector's own parameters, among its own runs
        own |= differences({name: known[name].selector_settings for name in names})
    other = differences({name: known[name].other_settings for name in known})

    named = {}
    for name, settings in known.items():
        label = settings.selector
        if own[name]:
            label += f", {own[name]}"
        if other[name]:
            label += f"; {other[name]}"
        named[name] = (label.replace("|", "/"), settings.seed)  # a bar ends a Markdown cell
    taken = {label for label, _ in named.values()}
    for name in configs:
        if name not in named:
            label = f"{name}; settings unknown" if name in taken else name
            named[name] = (label.replace("|", "/"), 0)
    return named


@dataclass
class Settings:
    """What a run's merged YAML says, as far as it tells experiments apart."""

    selector: str
    seed: int
    selector_settings: dict[str, str]  # compared among runs of the same selector
    other_settings: dict[str, str]  # compared among all runs


def read_settings(config: dict) -> Settings:
    """The settings in a merged YAML, which may be of another project or another Trinity.

    What is missing there, or is something else, is no error.
    """
    buffer = mapping(config, "buffer")
    explorer_input = mapping(buffer, "explorer_input")
    taskset, *further = training_tasksets(config) or [{}]
    chosen = mapping(taskset, "task_selector") or mapping(taskset, "data_selector")
    seed = chosen.get("seed")

    columns = chosen.get("feature_keys")
    if isinstance(columns, list):
        chosen = {**chosen, "feature_keys": " + ".join(map(str, columns))}
    parameters = flat({"selector": chosen})
    if is_difficulty_based(str(chosen.get("selector_type"))):
        for key in ("target_reward", "prior_strength"):
            parameters.pop(f"selector.kwargs.{key}", None)  # the name says them

    rest = {
        **without(config, "buffer"),
        "buffer": without(buffer, "explorer_input"),
        "input": without(explorer_input, "taskset", "tasksets"),
        "taskset": without(taskset, "task_selector", "data_selector"),
        "tasksets": further,
        "data_processor": without_observers(mapping(config, "data_processor")),
    }
    return Settings(
        selector=selector_name(chosen),
        seed=seed if type(seed) is int else 42,  # Trinity's default
        selector_settings=compared(parameters),
        other_settings=compared(flat(rest)),
    )


def training_tasksets(config: dict) -> list[dict]:
    """What a run trained on: one taskset, in newer Trinity several; [] in another kind of YAML."""
    explorer_input = mapping(mapping(config, "buffer"), "explorer_input")
    several = explorer_input.get("tasksets")
    if not isinstance(several, list):
        several = []
    found = [explorer_input.get("taskset"), *several]
    return [taskset for taskset in found if taskset and isinstance(taskset, dict)]


def selector_name(selector: dict) -> str:
    """`difficulty_based` for Trinity's class and for ours, with target and prior."""
    kind = str(selector.get("selector_type") or "sequential")
    if is_feature_based(kind):
        return "feature_based"
    if not is_difficulty_based(kind):
        return kind
    kwargs = mapping(selector, "kwargs")
    name = f"difficulty_based, target {text(kwargs.get('target_reward', 1))}"
    strength = kwargs.get("prior_strength")
    return f"{name}, prior {text(strength)}" if strength else name


def mapping(node: dict, key: str) -> dict:
    """A part of a YAML; {} where it is missing or something else."""
    value = node.get(key)
    return value if isinstance(value, dict) else {}


def without(node: dict, *keys: str) -> dict:
    return {key: value for key, value in node.items() if key not in keys}


def without_observers(data_processor: dict) -> dict:
    """The data processors but for the pass-rate calculator and the store of rollouts.

    The calculator tells the selector what was rolled out, so it is part of the selector; a baseline
    may have it for its curve, or not. The store changes nothing that is learned.
    """
    observers = (
        "pass_rate_calculator",
        "task_selection.PassRateCalculator",
        ROLLOUT_STORE,
    )
    pipeline = mapping(data_processor, "experience_pipeline")
    kept = []
    for operator in pipeline.get("operators") or []:
        name = operator.get("name") if isinstance(operator, dict) else operator
        if name not in observers:
            kept.append(operator)
    return {
        **without(data_processor, "experience_pipeline"),
        "experience_pipeline": {**pipeline, "operators": kept},
    }


def flat(node, key: str = "") -> dict[str, object]:
    """The values of nested YAML by their dotted keys."""
    if isinstance(node, dict):
        parts = node.items()
    elif isinstance(node, list):
        parts = enumerate(node)
    else:
        return {key: node}
    values = {}
    for part, value in parts:
        values |= flat(value, f"{key}.{part}" if key else str(part))
    return values


def compared(values: dict[str, object]) -> dict[str, str]:
    """The settings that tell experiments apart, each as the text that a label shows."""
    kept = {}
    for key, value in values.items():
        if not any(re.fullmatch(pattern, key) for pattern in NOT_A_DIFFERENCE):
            kept[key] = text(value)
    return kept


def text(value) -> str:
    """A value in a label. A path is its last two parts, which a copy elsewhere has too."""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str) and "://" not in value:
        return "/".join(value.rstrip("/").split("/")[-2:])
    return str(value)


def number(value: float) -> str:
    """`0.8`, `1e-4`: as people write it."""
    if abs(value) >= 0.01 or value == 0:
        short = f"{value:g}"
    else:
        digits, exponent = f"{value:e}".split("e")
        short = f"{float(digits):g}e{int(exponent)}"
    return short if float(short) == value else str(value)


def differences(settings: dict[str, dict[str, str]]) -> dict[str, str]:
    """For each run, in words, what its settings differ in; "" for those that most runs have.

    Where no setting is the most frequent one, each has words. Different settings always have
    different words.
    """
    frozen = {name: tuple(sorted(values.items())) for name, values in settings.items()}
    ranking = Counter(frozen.values()).most_common(2)
    usual = None
    if len(ranking) == 1 or (len(ranking) == 2 and ranking[0][1] > ranking[1][1]):
        usual = dict(ranking[0][0])
    keys = sorted({key for values in settings.values() for key in values}, key=importance)
    varied = []
    for key in keys:
        if len({values.get(key) for values in settings.values()}) > 1:
            varied.append(key)

    words: dict[tuple, str] = {}
    for name in sorted(settings):
        values = settings[name]
        if frozen[name] in words:
            continue
        if values == usual:
            words[frozen[name]] = ""
            continue
        shown = [key for key in varied if usual is None or values.get(key) != usual.get(key)]
        phrase = ", ".join(in_words(key, values.get(key)) for key in shown[:SHOWN])
        if len(shown) > SHOWN:
            phrase += f" and {len(shown) - SHOWN} more"
        count = sum(1 for other in words.values() if other.partition(" (")[0] == phrase)
        words[frozen[name]] = f"{phrase} ({count + 1})" if count else phrase
    return {name: words[frozen[name]] for name in settings}


def importance(key: str) -> tuple[bool, str]:
    """Keys that have words come first in a label."""
    return key not in WORDS, key


def in_words(key: str, value: str | None) -> str:
    """`lr 1e-4`, `60 steps`, `lamb 0.2`, `no max_model_len`."""
    parts = key.split(".")
    name = parts[-1]
    if name in ("name", "path") or name.isdigit():
        name = ".".join(parts[-3:] if len(parts) > 2 and parts[-2].isdigit() else parts[-2:])
    if value is None:
        return f"no {name}"
    if key == "selector.feature_keys":
        value = value.replace("_pass_rate", "")
    if key in WORDS:
        return WORDS[key].format(value)
    return f"{name} {value}"
