"""One experiment out of its parts: experiment YAML, machine profile, `key=value` overrides.

The merged YAML alone is what runs; `save` puts it beside the run, where a later start finds it.
"""

import difflib
from dataclasses import fields, is_dataclass
from pathlib import Path

from data_augment.errors import BadInput
from data_augment.files import REPO, lock, write_whole

# Trinity 0.6.0's own forget the posterior on resume, among other things: see task_selection.py.
MENDED = {
    "difficulty_based": "task_selection.DifficultyBasedSelector",
    "pass_rate_calculator": "task_selection.PassRateCalculator",
}


def compose(config_path: str, profile: str, overrides: list[str]):
    """Merge experiment, profile and `key=value` overrides, in this order, into one DictConfig.

    Paths that exist are made absolute, because Ray workers run elsewhere. Raises BadInput.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    config = OmegaConf.merge(read_yaml(config_path), read_yaml(find_profile(profile)))
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key:
            raise BadInput(
                f"override {override!r}: write it as key=value, e.g. buffer.total_steps=200"
            )
        try:
            OmegaConf.update(config, key, OmegaConf.create(f"v: {value}").v if value else None)
        except (OmegaConfBaseException, ValueError, IndexError, TypeError) as error:
            raise BadInput(f"override {override!r}: {str(error).splitlines()[0]}") from error
    try:
        OmegaConf.resolve(config)
    except OmegaConfBaseException as error:
        raise BadInput(f"{config_path}: {str(error).splitlines()[0]}") from error
    known_keys(config)

    config.checkpoint_root_dir = str(
        Path(config.get("checkpoint_root_dir") or "checkpoints").absolute()
    )
    for node, key in [
        (config.model, "model_path"),
        *((taskset, "path") for taskset in tasksets(config)),
    ]:
        if node.get(key) and Path(node[key]).exists():
            node[key] = str(Path(node[key]).absolute())
    return config


def use_mended(config) -> list[str]:
    """Point the names that Trinity ships with defects to `task_selection`; return what changed."""
    nodes = [(operator, "name") for operator in operators(config)]
    nodes.append((config.buffer.explorer_input.taskset.get("task_selector", {}), "selector_type"))
    changed = []
    for node, key in nodes:
        if mended := MENDED.get(node.get(key)):
            changed.append(f"{node[key]} -> {mended}")
            node[key] = mended
            if key == "selector_type":
                node.setdefault("kwargs", {})
                node.kwargs.state_dir = str(run_folder(config) / "selector")
                # More than lie between two checkpoints: resume.py goes back to the older one.
                save_interval = config.get("trainer", {}).get("save_interval", 0)
                node.kwargs.state_keep = 2 * save_interval + 20
    return changed


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
            f"{path}: a YAML mapping (key: value) is wanted, a {type(config).__name__} was found"
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


def known_keys(config):
    """The configuration under Trinity's schema, defaults included.

    Raises:
        BadInput: for a key or type that Trinity does not have; names the closest key.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from trinity.common.config import Config

    try:
        merged = OmegaConf.merge(OmegaConf.structured(Config), config)
    except OmegaConfBaseException as error:
        where = error.full_key or error.key
        message = f"{where}: {str(error).splitlines()[0]}"
        if is_dataclass(error.object_type) and "not in" in message:
            choices = [f.name for f in fields(error.object_type)]
            close = difflib.get_close_matches(str(error.key), choices, n=1)
            message = f"{where}: unknown key" + (f"; did you mean {close[0]}?" if close else "")
        raise BadInput(message) from error
    if merged.buffer.explorer_input.taskset is None:
        raise BadInput("buffer.explorer_input.taskset: missing; it says what to train on")
    if not merged.name or not merged.project:
        raise BadInput("project and name: both are wanted, a run lives in <project>/<group>/<name>")
    return merged


def trinity_config(config):
    """The merged YAML as Trinity's Config, checked by Trinity's own validators.

    They fill in defaults, make the run's folder and, with Tinker, ask the server for its models.

    Raises:
        BadInput: with their message.
    """
    from omegaconf import OmegaConf

    typed = OmegaConf.to_object(known_keys(config))
    try:
        return typed.check_and_update()
    except (ValueError, RuntimeError, AssertionError) as error:
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


def save(config) -> Path:
    """Write the merged YAML to `<run>/config.yaml`; return that path."""
    from omegaconf import OmegaConf

    path = run_folder(config) / "config.yaml"
    write_whole(path, OmegaConf.to_yaml(config))
    return path
