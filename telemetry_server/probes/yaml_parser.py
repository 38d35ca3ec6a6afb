"""Parses YAML into a tree, with libyaml; bounded in depth and aliases."""

from collections.abc import Iterator
from typing import Any

import yaml

from telemetry_server.probes.errors import NotADefinitionFile
from telemetry_server.probes.yaml_file import MAX_DEPTH, Node, OtherScalar, Pairs

# Values in the file, each repeated for each alias of it: ten times those of the largest known file.
MAX_VALUES = 500_000
MAX_SHOWN_CHARACTERS = 60

# libyaml's parser, written in C; the pure parser is the same grammar, 20 times slower.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_STRING = "tag:yaml.org,2002:str"
_INTEGER = "tag:yaml.org,2002:int"
_BOOLEAN = "tag:yaml.org,2002:bool"
_TRUE = frozenset({"true", "yes", "on"})


def tree_of(text: bytes) -> Node:
    """
    Return the tree of *text*.

    Raises:
        NotADefinitionFile: It is not YAML, or past a limit; the text names the line.
    """
    loader = LOADER(text)
    try:
        return _Builder(loader).document()
    except yaml.YAMLError as error:
        raise NotADefinitionFile(_one_line(error), _line_of(error)) from None
    except (UnicodeDecodeError, ValueError) as error:
        raise NotADefinitionFile(f"not YAML: {error}".splitlines()[0]) from None
    finally:
        loader.dispose()


def _line_of(error: yaml.YAMLError) -> int | None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return None if mark is None else mark.line + 1


def _one_line(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return f"not YAML: {' '.join(str(problem).split())}"


class _Builder:
    """Builds the tree from parser events, so that depth and size are known before anything is built."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._anchors: dict[str, Node] = {}
        self._values = 0

    def document(self) -> Node:
        root: Node | None = None
        for event in self._events():
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise NotADefinitionFile("a second document begins here", event.start_mark.line + 1)
            elif not isinstance(event, yaml.StreamStartEvent | yaml.DocumentEndEvent | yaml.StreamEndEvent):
                root = self._node(event, 1)
        return root or Node(Pairs(), 1)

    def _events(self) -> Iterator[Any]:
        while self._loader.check_event():
            yield self._loader.get_event()

    def _node(self, event: Any, depth: int) -> Node:
        line = event.start_mark.line + 1
        if depth > MAX_DEPTH:
            raise NotADefinitionFile(f"more than {MAX_DEPTH} levels deep", line)
        if isinstance(event, yaml.AliasEvent):
            found = self._anchors.get(event.anchor)
            if found is None:
                raise NotADefinitionFile(f"the alias *{event.anchor:.60} has no anchor before it", line)
            self._count(found.size, line)
            return found
        self._count(1, line)
        if isinstance(event, yaml.ScalarEvent):
            node = Node(self._scalar(event, line), line)
        elif isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(following := self._loader.get_event(), yaml.SequenceEndEvent):
                items.append(self._node(following, depth + 1))
            node = Node(tuple(items), line, 1 + sum(item.size for item in items))
        else:
            node = self._mapping(depth, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _mapping(self, depth: int, line: int) -> Node:
        pairs = []
        size = 1
        while not isinstance(following := self._loader.get_event(), yaml.MappingEndEvent):
            key = self._node(following, depth + 1)
            value = self._node(self._loader.get_event(), depth + 1)
            pairs.append((key, value))
            size += key.size + value.size
        return Node(Pairs(pairs), line, size)

    def _scalar(self, event: Any, line: int) -> str | int | bool | OtherScalar:
        text = str(event.value)
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._loader.resolve(yaml.ScalarNode, text, event.implicit)
        if tag == _STRING:
            return text
        if tag == _BOOLEAN:
            return text.lower() in _TRUE
        # Of the many forms of numbers in YAML 1.1 (012 is 10, 12:30 is 750) only plain ones are numbers here.
        if tag == _INTEGER and text.isascii() and text.isdigit() and (text == "0" or text[0] != "0"):
            if len(text) > MAX_SHOWN_CHARACTERS:
                raise NotADefinitionFile("the number has too many digits", line)
            return int(text)
        return OtherScalar(text, str(tag).rpartition(":")[2])

    def _count(self, values: int, line: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise NotADefinitionFile(f"more than {MAX_VALUES:,} values, with those of aliases", line)
