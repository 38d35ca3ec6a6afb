"""
Marks in a source file: each statement sets a byte before it runs, and so does each way out of a decision.

A mark is ``__hits__[number] = 1``.  A decision is an ``if``, a ``for``, a ``while`` or a ``match``.
"""

import ast
from dataclasses import dataclass, field
from typing import Any

from tests.support.coverage import HITS


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement and the number of its byte."""

    line: int
    number: int


@dataclass(frozen=True, slots=True)
class Branch:
    """A way out of the decision at *line*: to the line *target*, or past the decision if that is 0."""

    line: int
    target: int
    number: int


@dataclass(slots=True)
class Marks:
    """The marks of one source file; *after* is the number that follows theirs."""

    after: int
    statements: list[Statement] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)

    def block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Return *statements* with a mark before each, and in the blocks of each."""
        marked: list[ast.stmt] = []
        for statement in statements:
            if _is_counted(statement):
                self.statements.append(Statement(statement.lineno, self.after))
                marked.append(self._mark(statement))
            self._inside(statement)
            marked.append(statement)
        return marked

    def _inside(self, node: Any) -> None:
        if _is_for_types(node) or _is_stub(node):
            return
        if _is_decision(node):
            node.body = self._branch(node, node.body)
            node.orelse = self._branch(node, node.orelse)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                case.body = self._branch(node, case.body)
            if not _takes_everything(node.cases[-1]):
                node.cases.append(ast.match_case(ast.MatchAs(), body=self._branch(node, [])))
        else:
            for name in ("body", "orelse", "finalbody"):
                if isinstance(block := getattr(node, name, None), list):
                    setattr(node, name, self.block(block))
            for handler in getattr(node, "handlers", ()):
                self._inside(handler)

    def _branch(self, decision: ast.stmt, block: list[ast.stmt]) -> list[ast.stmt]:
        self.branches.append(Branch(decision.lineno, block[0].lineno if block else 0, self.after))
        if block and _is_counted(block[0]):
            return self.block(block)  # the mark of its first statement is the mark of the branch
        return [self._mark(decision), *self.block(block)]

    def _mark(self, place: ast.stmt) -> ast.stmt:
        byte = ast.Subscript(ast.Name(HITS, ast.Load()), ast.Constant(self.after), ast.Store())
        self.after += 1
        return ast.fix_missing_locations(ast.copy_location(ast.Assign([byte], ast.Constant(1)), place))


def marked(source: bytes, path: str, first: int) -> tuple[ast.Module, Marks]:
    """Return the syntax tree of *source* with its marks, whose numbers begin with *first*."""
    tree, marks = ast.parse(source, path), Marks(first)
    tree.body = marks.block(tree.body)
    return ast.fix_missing_locations(tree), marks


def _is_counted(statement: ast.stmt) -> bool:
    """Return False for what does nothing when it runs, such as a docstring, and for the checker of types."""
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        return False
    return not (isinstance(statement, ast.Global | ast.Nonlocal) or _is_for_types(statement))


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _is_stub(node: ast.AST) -> bool:
    """Return whether *node* is a function without statements: of a protocol, or an overload."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, functions) and not any(map(_is_counted, node.body))


def _is_decision(node: ast.AST) -> bool:
    """Return False also for a loop that only ``break`` ends."""
    if isinstance(node, ast.If | ast.While):
        return not isinstance(node.test, ast.Constant)
    return isinstance(node, ast.For | ast.AsyncFor)


def _takes_everything(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
