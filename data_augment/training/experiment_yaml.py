"""One experiment out of its parts: experiment YAML, machine profile, `key=value` overrides.

The merged YAML alone is what runs; `save` puts it beside the run, where a later start finds it.
"""

import difflib
import functools
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

from data_augment.errors import BadInput
from data_augment.rollouts.files import FOLDER, ROLLOUT_STORE
from safe_files import REPO, lock, write_whole

TASKSET = "buffer.explorer_input.taskset"
# A selector has two names in Trinity 0.6.0: `data_selector`, and `task_selector`, which it calls
# deprecated and which wins where both are given.
SELECTOR_KEYS = ("data_selector", "task_selector")

# Trinity 0.6.0's own forget the posterior on resume, among other things: see task_selection/.
# It has no feature_based.
FIXED_CLASSES = {
    "difficulty_based": "task_selection.DifficultyBasedSelector",
    "feature_based": "task_selection.FeatureBasedSelector",
    "pass_rate_calculator": "task_selection.PassRateCalculator",
}
CALCULATORS = ("pass_rate_calculator", "PassRateCalculator")  # the end of their names


def compose(config_path: str, profile: str, overrides: list[str]):
    """Merge experiment, profile and `key=value` overrides, in this order, into one DictConfig.

    It holds the keys that were given and no others; `with_defaults` adds Trinity's. Scalars have
    the type that Trinity gives them (`name: 5` is the text "5"). Paths that exist are made
    absolute, because Ray workers run elsewhere.

    Raises:
        BadInput: for anything that is not a configuration of Trinity with a taskset.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    experiment = read_yaml(config_path)
    machine = read_yaml(find_profile(profile))
    give_selector_one_name(experiment, machine)
    try:
        config = OmegaConf.merge(experiment, machine)
    except OmegaConfBaseException as error:
        raise BadInput(f"--profile {profile}: {describe(error)}") from error
    for override in overrides:
        apply_override(config, override)
    resolve(config)

    full = with_defaults(config)
    check_one_selector(config)
    config = OmegaConf.create(typed_like(plain(config), plain(full)))
    config.checkpoint_root_dir = str(Path(full.checkpoint_root_dir or "checkpoints").absolute())
    make_absolute(config.get("model"), "model_path", follow_links=full.model.tinker.enable)
    for taskset in tasksets(config):
        make_absolute(taskset, "path")
    return config


def read_yaml(path: str | Path):
    import yaml
    from omegaconf import DictConfig, OmegaConf

    try:
        config = OmegaConf.load(path)
    except FileNotFoundError:
        raise BadInput(
            f"{path}: no such file. Experiments here: {names(REPO.glob('config_*.yaml'))}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read ({error})") from error
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(config, DictConfig):
        raise BadInput(
            f"{path}: expected a YAML mapping (key: value), found a {type(config).__name__}"
        )
    return config


def find_profile(profile: str) -> Path:
    path = REPO / "profiles" / f"{profile}.yaml"
    if path.exists():
        return path
    if Path(profile).is_file():
        return Path(profile)
    choices = ", ".join(sorted(p.stem for p in (REPO / "profiles").glob("*.yaml")))
    raise BadInput(f"--profile {profile}: neither a name in profiles/ ({choices}) nor a file")


def names(paths) -> str:
    return ", ".join(sorted(path.name for path in paths))


def apply_override(config, override: str) -> None:
    import yaml
    from omegaconf.errors import OmegaConfBaseException

    key, equals, _ = override.partition("=")
    if not equals or not all(key.split(".")):
        raise BadInput(f"override {override!r}: write it as key=value, e.g. buffer.total_steps=200")
    try:
        config.merge_with_dotlist([override])
    except yaml.YAMLError as error:
        raise BadInput(f"override {override!r}: {' '.join(str(error).split())}") from error
    except (OmegaConfBaseException, ValueError, IndexError, TypeError) as error:
        raise BadInput(f"override {override!r}: {describe(error)}") from error


def resolve(config) -> None:
    """Put the values in place of ${...}."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        OmegaConf.resolve(config)
    except OmegaConfBaseException as error:
        raise BadInput(f"{unresolved_key(config)}: {str(error).splitlines()[0]}") from error


def unresolved_key(node, prefix: str = "") -> str:
    """The dotted key of the first ${...} that has no value; OmegaConf 2.3 does not name it."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for key in node if OmegaConf.is_dict(node) else range(len(node)):
        path = f"{prefix}{key}"
        try:
            value = node[key]
        except OmegaConfBaseException:
            return path
        deeper = unresolved_key(value, f"{path}.") if OmegaConf.is_config(value) else ""
        if deeper:
            return deeper
    return ""


def describe(error: Exception) -> str:
    """One line for an error of OmegaConf, with the key where it knows one."""
    text = str(error).splitlines()[0]
    key = getattr(error, "full_key", None)
    return f"{key}: {text}" if key else text


def with_defaults(config):
    """The configuration under Trinity's schema, defaults included; so every key is there.

    Raises:
        BadInput: for a key or type that Trinity does not have; names the closest key.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise BadInput(f"{missing[0]}: its value is ???, which stands for a value to be filled in")
    try:
        full = OmegaConf.merge(trinity_schema(), config)
    except (OmegaConfBaseException, AttributeError) as error:
        raise BadInput(schema_error(error, config)) from error
    for key in ("project", "name"):
        if not full[key].strip() or key not in config:
            raise BadInput(
                f"{key}: missing. project and name are both needed: a run lives in "
                "<checkpoint_root_dir>/<project>/<group>/<name>"
            )
    if full.buffer.explorer_input.taskset is None:
        raise BadInput(f"{TASKSET}: missing; it says what to train on")
    return full


@functools.cache
def trinity_schema():
    """Trinity's keys, types and defaults; a merge copies it."""
    from omegaconf import OmegaConf
    from trinity.common.config import Config

    return OmegaConf.structured(Config)


def schema_error(error: Exception, config) -> str:
    """What is wrong with the configuration, its key first."""
    from omegaconf.errors import OmegaConfBaseException

    key = failing_key(trinity_schema(), config)
    if not isinstance(error, OmegaConfBaseException):
        return f"{key}: the value is not of the right type ({str(error).splitlines()[0]})"
    if is_dataclass(error.object_type) and "not in" in str(error):
        choices = [field.name for field in fields(error.object_type)]
        close = difflib.get_close_matches(str(error.key), choices, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        return f"{key}: unknown key{hint}"
    return f"{key}: {str(error).splitlines()[0]}"


def failing_key(schema, config) -> str:
    """The dotted key at which the merge fails.

    OmegaConf 2.3 does not always know it: not for a section of a wrong type, nor inside a list, nor
    where Trinity's enums raise an AttributeError (`sync_method: 5`).
    """
    from omegaconf import DictConfig, ListConfig

    for key, value in config.items():
        if not merge_fails(schema, {key: value}):
            continue
        deeper = ""
        inner_schema = section_schema(schema, key)
        if isinstance(value, DictConfig) and isinstance(inner_schema, DictConfig):
            deeper = failing_key(inner_schema, value)
        if isinstance(value, ListConfig):
            for i, element in enumerate(value):
                error = merge_fails(schema, {key: [element]})
                if error:
                    inner = getattr(error, "full_key", None)
                    return f"{key}[{i}].{inner}" if inner else f"{key}[{i}]"
        return f"{key}.{deeper}" if deeper else str(key)
    return ""


def section_schema(schema, key: str):
    """The schema of a section; of one that is null by default, from its type."""
    from omegaconf import OmegaConf

    if schema.get(key) is not None:
        return schema[key]
    hint = get_type_hints(OmegaConf.get_type(schema)).get(key)
    sections = [inner for inner in get_args(hint) if is_dataclass(inner)]
    return OmegaConf.structured(sections[0]) if sections else None


def merge_fails(schema, part: dict) -> Exception | None:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        OmegaConf.merge(schema, part)
    except (OmegaConfBaseException, AttributeError) as error:
        return error
    return None


def plain(config):
    from omegaconf import OmegaConf

    return OmegaConf.to_container(config)


def typed_like(value, typed):
    """`value` with its scalars as `typed` has them; `typed` may hold more keys, and enums."""
    if isinstance(value, dict) and isinstance(typed, dict):
        return {key: typed_like(inner, typed[key]) for key, inner in value.items()}
    if isinstance(value, list) and isinstance(typed, list):
        return [typed_like(*pair) for pair in zip(value, typed, strict=True)]
    return typed if isinstance(typed, str | int | float) else value


def make_absolute(node, key: str, follow_links: bool = False) -> None:
    """Make the path under `key` absolute, where it exists.

    Links are followed only for Tinker, whose server names its models by their real paths. On a
    cluster a link may lead to another place on each node.
    """
    if node and node.get(key) and Path(node[key]).exists():
        path = Path(node[key])
        node[key] = str(path.resolve() if follow_links else path.absolute())


def give_selector_one_name(experiment, machine) -> None:
    """Let the profile name the selector as the experiment does, so that the two are merged."""
    from omegaconf import OmegaConf

    written = [key for key in SELECTOR_KEYS if OmegaConf.select(experiment, f"{TASKSET}.{key}")]
    profiled = [key for key in SELECTOR_KEYS if OmegaConf.select(machine, f"{TASKSET}.{key}")]
    if len(written) == 1 and len(profiled) == 1 and written != profiled:
        taskset = OmegaConf.select(machine, TASKSET)
        taskset[written[0]] = taskset.pop(profiled[0])


def check_one_selector(config) -> None:
    taskset = config.buffer.explorer_input.taskset
    given = [key for key in SELECTOR_KEYS if taskset.get(key) is not None]
    if len(given) == 2:
        raise BadInput(
            f"{TASKSET}.task_selector and {TASKSET}.data_selector are both given. They are two "
            "names of one thing: keep one"
        )


def selector_key(config) -> str:
    """The dotted key of the selector, by the name that the YAML gives it."""
    taskset = config["buffer"]["explorer_input"]["taskset"]
    used = "task_selector" if taskset.get("task_selector") else "data_selector"
    return f"{TASKSET}.{used}"


def selector_node(config):
    """The selector's settings, under either of their two names; {} where none are given.

    Args:
        config: a configuration, as DictConfig or as a plain dict, with or without defaults.
    """
    taskset = config["buffer"]["explorer_input"]["taskset"]
    return taskset.get("task_selector") or taskset.get("data_selector") or {}


def use_fixed_classes(config) -> list[str]:
    """Point the names that Trinity ships with defects to `task_selection`; return what changed."""
    nodes = [(operator, "name") for operator in operators(config)]
    nodes.append((selector_node(config), "selector_type"))
    changed = []
    for node, key in nodes:
        fixed = FIXED_CLASSES.get(node.get(key))
        if fixed:
            changed.append(f"{node[key]} is {fixed} (--stock keeps Trinity's)")
            node[key] = fixed
    return changed


def give_selector_its_folder(config) -> None:
    """Let our selector write its states and curves into the run's folder, whatever names it."""
    selector = selector_node(config)
    ours = (FIXED_CLASSES["difficulty_based"], FIXED_CLASSES["feature_based"])
    if selector.get("selector_type") not in ours:
        return
    if "kwargs" not in selector:
        selector.kwargs = {}
    selector.kwargs.setdefault("state_dir", str(run_folder(config) / "selector"))
    # More than lie between two checkpoints: resume.py goes back to the older one.
    save_interval = config.get("trainer", {}).get("save_interval", 0)
    selector.kwargs.setdefault("state_keep", 2 * max(save_interval, 0) + 20)


def tell_calculator_the_counts(config) -> None:
    """Let our calculator know how many rollouts a step has, so that it can count the lost ones."""
    for operator in operators(config):
        if operator.get("name") != FIXED_CLASSES["pass_rate_calculator"]:
            continue
        if "args" not in operator:
            operator.args = {}
        operator.args.repeat_times = config.get("algorithm", {}).get("repeat_times", 1)
        operator.args.batch_size = config.buffer.get("batch_size", 1)


def insert_rollout_store(config) -> None:
    """Let the rollouts of a run be kept in its folder, by a data processor of ours.

    It stands before any that drops rollouts, and behind the calculator, which has to be first.
    """
    from omegaconf import OmegaConf

    taskset = config.buffer.explorer_input.taskset
    arguments = {
        "folder": str(run_folder(config) / FOLDER),
        "model_path": config.model.model_path,
        "taskset": {key: taskset.get(key) for key in ("path", "subset_name", "split")},
        "max_response_tokens": config.model.get("max_response_tokens"),
        "max_model_len": config.model.get("max_model_len"),
    }
    # A YAML that was saved beside a run has one already, of that run.
    processors = [operator for operator in operators(config) if operator.name != ROLLOUT_STORE]
    after_calculator = bool(processors) and processors[0].name.endswith(CALCULATORS)
    processors.insert(int(after_calculator), {"name": ROLLOUT_STORE, "args": arguments})
    OmegaConf.update(
        config, "data_processor.experience_pipeline.operators", processors, force_add=True
    )


def give_trainer_patience(config) -> None:
    """Let the trainer wait as long for a batch as an evaluation and its rollouts may take.

    Trinity 0.6.0 gives up after half an hour, even where the evaluation alone takes longer: each
    start of such a run would end there.
    """
    from omegaconf import OmegaConf

    explorer = with_defaults(config).explorer
    longest = explorer.max_timeout * (explorer.max_retry_times + 1)  # for a batch of tasks
    key = "buffer.trainer_input.experience_buffer.max_read_timeout"
    if OmegaConf.select(config, key) is None:
        OmegaConf.update(config, key, float(2 * longest), force_add=True)


def trinity_config(config):
    """The merged YAML as Trinity's Config, checked by Trinity's own validators.

    They fill in defaults, make the run's folder and, with Tinker, ask the server for its models.

    Raises:
        BadInput: with their message.
    """
    from omegaconf import OmegaConf

    typed = OmegaConf.to_object(with_defaults(config))
    refusals = [ValueError, RuntimeError, AssertionError]
    if typed.model.tinker.enable:
        from tinker import TinkerError

        refusals.append(TinkerError)  # a wrong key, or a server of something else
    try:
        return typed.check_and_update()
    except tuple(refusals) as error:
        raise BadInput(f"Trinity refuses the configuration: {error}") from error


def tasksets(config) -> list:
    """The training taskset and the evaluation tasksets, in this order."""
    explorer_input = config.buffer.explorer_input
    return [explorer_input.taskset, *explorer_input.get("eval_tasksets", [])]


def operators(config) -> list:
    """The data processors of the rollouts, in their order."""
    pipeline = config.get("data_processor", {}).get("experience_pipeline", {})
    return pipeline.get("operators", [])


def run_folder(config) -> Path:
    return Path(config.checkpoint_root_dir, config.project, config.get("group") or "", config.name)


def claim(run_dir: Path):
    """Lock the run's folder for this process; the lock ends with the returned file, or a kill.

    Raises:
        BadInput: another process has it, or the folder cannot be written.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        file = open(run_dir / "lock", "w")  # noqa: SIM115 (it stays open)
    except OSError as error:
        raise BadInput(f"checkpoint_root_dir: {run_dir} cannot be written ({error})") from error
    if not lock(file):
        raise BadInput(
            f"{run_dir}: another main.py is training this run. Wait for it, or name this one: "
            "name=Another"
        )
    return file


def as_yaml(config) -> str:
    """The merged YAML, as it runs and as it is saved."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(config)


def save(config) -> Path:
    """Write the merged YAML to `<run>/config.yaml`; return that path."""
    path = run_folder(config) / "config.yaml"
    write_whole(path, as_yaml(config))
    return path
