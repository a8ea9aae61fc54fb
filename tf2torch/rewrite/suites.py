"""Suites of statements: their text, their comments, and TODOs in place of statements."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import libcst as cst

from tf2torch.cst.walk import walk
from tf2torch.rewrite.writer import Unconvertible, Writer, lines

Statements = list[cst.BaseStatement]


def todo(
    writer: Writer, node: cst.BaseStatement, problem: Unconvertible, inside: bool = False
) -> Statements:
    """``# TODO(tf2torch: RULE) reason`` and a raise, in the place of a statement."""
    if isinstance(node, cst.FunctionDef) and not inside:
        inner = todo(writer, node.with_changes(leading_lines=(), body=node.body), problem, True)
        decorators = [d for d in node.decorators if d.decorator not in writer.analysis.symbols]
        defaults = [
            p.with_changes(default=cst.Name("None")) if p.default else p for p in node.params.params
        ]
        params = node.params.with_changes(params=defaults)
        return [
            node.with_changes(body=cst.IndentedBlock(inner), decorators=decorators, params=params)
        ]
    if isinstance(node, cst.ClassDef) and not inside:
        inner = todo(writer, node.with_changes(leading_lines=()), problem, True)
        made = lines("def __init__(self, *args, **kwargs):\n    pass\n")[0]
        assert isinstance(made, cst.FunctionDef)
        method = made.with_changes(body=cst.IndentedBlock(inner))
        return [node.with_changes(body=cst.IndentedBlock([method]), bases=(), keywords=())]
    source = _source_of(writer, node).strip("\n")
    raised = lines(f"raise NotImplementedError({problem.reason!r})\n")[0]
    comments = [
        cst.EmptyLine(comment=cst.Comment(f"# TODO(tf2torch: {problem.rule}) {problem.reason}"))
    ]
    comments += [
        cst.EmptyLine(comment=cst.Comment(f"#   {line}".rstrip())) for line in source.splitlines()
    ]
    return [raised.with_changes(leading_lines=[*leading(node), *comments])]


def _source_of(writer: Writer, node: cst.BaseStatement) -> str:
    """The statement as the program has it, whatever it was written out as."""
    analysis = writer.analysis
    fresh = analysis.written and any(item in analysis.written for item in walk(node))
    if fresh:
        parts = {analysis.origins[item] for item in walk(node) if item in analysis.origins}
        for statement in walk(analysis.original):
            if isinstance(statement, cst.SimpleStatementLine):
                if any(item in parts for item in walk(statement)):
                    text = analysis.original.code_for_node(statement.with_changes(leading_lines=()))
                    return textwrap.dedent(text)
    return writer.text(node.with_changes(leading_lines=()))


def leading(node: cst.CSTNode) -> Sequence[cst.EmptyLine]:
    return getattr(node, "leading_lines", ())


def with_leading(statements: Statements, node: cst.CSTNode) -> Statements:
    """Gives the first statement the comments of the one it came from."""
    if statements and leading(node):
        first = statements[0]
        merged = (
            [*leading(node), *leading(first)]
            if leading(first) is not leading(node)
            else leading(node)
        )
        statements = [first.with_changes(leading_lines=merged), *statements[1:]]
    return statements


def line_of(small: cst.BaseSmallStatement) -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine([small.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)])


def block(statements: Sequence[cst.BaseStatement], like: cst.BaseSuite) -> cst.IndentedBlock:
    """An indented block with the header comment of the original."""
    body = list(statements) or [line_of(cst.Pass())]
    if isinstance(like, cst.IndentedBlock):
        return like.with_changes(body=body, footer=like.footer)
    return cst.IndentedBlock(body)
