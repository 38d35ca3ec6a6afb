"""One Processes.yaml: its text → the sections of a ping that child processes report in."""

from telemetry_server.probes.errors import NotADefinitionFile
from telemetry_server.probes.fields import Mode, Problems, unique_pairs
from telemetry_server.probes.yaml_file import Pairs, read_yaml

MAX_PROCESSES = 200


def parse_processes(text: bytes) -> tuple[str, ...]:
    """
    Return the names of the processes in the text of a Processes.yaml.

    Raises:
        NotADefinitionFile: It is not YAML, not a mapping, or names too many.
    """
    root = read_yaml(text)
    if not isinstance(root.value, Pairs):
        raise NotADefinitionFile("not a mapping of processes", root.line)
    names = tuple(unique_pairs(root, "", Problems(Mode.HISTORICAL)))
    if len(names) > MAX_PROCESSES:
        raise NotADefinitionFile(f"more than {MAX_PROCESSES} processes")
    return names
