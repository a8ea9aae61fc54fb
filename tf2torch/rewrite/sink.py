"""Collects what a module's constructor has to make while its forward code is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import libcst as cst

from tf2torch.plan.slots import Slot
from tf2torch.rewrite.running import Running
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines

Statements = list[cst.BaseStatement]


def _negated(test: cst.BaseExpression) -> cst.BaseExpression:
    """``tie`` -> ``not tie``, ``not tie`` -> ``tie``"""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return test.expression
    simple = isinstance(test, (cst.Name, cst.Attribute, cst.Call, cst.Subscript)) or test.lpar
    if not simple:
        test = test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.UnaryOperation(cst.Not(), test)


@dataclass(eq=False)
class Sink:
    """Constructor statements under way.

    Attributes:
        scope: where constructor expressions stand.
        parameters: names whose assignment makes variables: they become attributes.
        resets: for each layer made at the top level, its initial-value statements over ``{}``.
        lengths: what the loops under way hand on from round to round, by the depth of the stack.
        finished: what the last loop that handed on a length of a name left in it.
        loops: for each loop that is open, where in the stack the statements around it are.
    """

    scope: Scope
    parameters: set[str] = field(default_factory=set)
    stack: list[Statements] = field(default_factory=lambda: [[]])
    made: set[str] = field(default_factory=set)
    resets: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    root: cst.BaseExpression | None = None
    loops: list[int] = field(default_factory=list)
    lengths: dict[int, list[Running]] = field(default_factory=dict)
    finished: dict[str, tuple[Running, cst.CSTNode]] = field(default_factory=dict)

    def enter(self, *, loop: bool = False) -> None:
        if loop:
            self.loops.append(len(self.stack) - 1)
        self.stack.append([])

    def leave(self) -> Statements:
        made = self.stack.pop()
        if self.loops and self.loops[-1] == len(self.stack) - 1:
            self.loops.pop()
        return made

    def add(self, statements: Statements) -> None:
        self.stack[-1] += statements

    def conditional(
        self, writer: Writer, node: cst.If, made: Statements, orelse: Statements
    ) -> None:
        """Repeats a branch on configuration in the constructor."""
        from tf2torch.rewrite.expressions import convert

        test = convert(writer, node.test, self.scope)
        if not made:
            self.add([cst.If(_negated(test), cst.IndentedBlock(orelse))])
            return
        other = cst.Else(cst.IndentedBlock(orelse)) if orelse else None
        if len(orelse) == 1 and isinstance(orelse[0], cst.If):
            self.add([cst.If(test, cst.IndentedBlock(made), orelse=orelse[0])])
        else:
            self.add([cst.If(test, cst.IndentedBlock(made), orelse=other)])

    def carry(self, length: Running) -> Running:
        """Notes a length that the loop under way hands on from round to round."""
        known = self.lengths.setdefault(len(self.stack) - 1, [])
        same = [
            other for other in known if (other.start, other.step) == (length.start, length.step)
        ]
        if same:
            return same[0]
        taken = {other.name for other in known}
        number = 2
        while length.name in taken:
            length, number = replace(length, name=f"{length.name}_{number}"), number + 1
        known.append(length)
        return length

    def loop(
        self, writer: Writer, node: cst.For, made: Statements, lengths: Sequence[Running] = ()
    ) -> None:
        """Repeats a loop over layers in the constructor."""
        from tf2torch.rewrite.expressions import convert

        iterable = convert(writer, node.iter, self.scope)
        for length in lengths:
            self.add(lines(f"{length.name} = {length.start}\n"))
            made = [*made, *lines(f"{length.name} = {length.step}\n")]
            self.finished[length.name] = (length, node.body)
        self.add([cst.For(node.target, iterable, cst.IndentedBlock(made))])

    def layer(self, slot: Slot, constructor: cst.BaseExpression, resets: tuple[str, ...]) -> None:
        """Makes the module of a slot, once."""
        name = slot.attribute
        if name in self.made:
            return
        self.made.add(name)
        if not name:
            self.root = constructor
            return
        if not slot.loops:
            # What all rounds of a loop use is made once, in front of the loop.
            level = self.loops[0] if self.loops else len(self.stack) - 1
            self.stack[level] += lines(f"self.{name} = {code(constructor)}\n")
            if level == 0:
                if resets:
                    self.resets.append((f"self.{name}", resets))
            else:
                self.stack[level] += lines(
                    "".join(f"{text.format(f'self.{name}')}\n" for text in resets)
                )
            return
        self.lists.append(name)
        kind = "ParameterList" if slot.kind == "variable" else "ModuleList"
        outer = (
            self.stack[-1 - len(slot.loops)] if len(self.stack) > len(slot.loops) else self.stack[0]
        )
        if len(slot.loops) == 1:
            outer += lines(f"self.{name} = nn.{kind}()\n")
            self.add(lines(f"self.{name}.append({code(constructor)})\n"))
            last = f"self.{name}[-1]"
        else:
            raise Unconvertible("nested-loops", "layers in nested loops", None)
        self.add(lines("".join(f"{text.format(last)}\n" for text in resets)))

    def parameter(self, writer: Writer, node: cst.Assign, scope: Scope) -> None:
        """``W = tf.Variable(...)`` -> ``self.W = nn.Parameter(...)``"""
        from tf2torch.rewrite import variables

        self.add(variables.parameter_statements(writer, node, self.scope))

    def reset_method(self) -> Statements:
        """``reset_parameters``, with one loop for all layers that start alike."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for name, texts in self.resets:
            groups.setdefault(texts, []).append(name)
        if not groups:
            return []
        body = ""
        for texts, names in groups.items():
            if len(names) > 1:
                body += f"    for layer in ({', '.join(names)}):\n"
                body += "".join(f"        {text.format('layer')}\n" for text in texts)
            else:
                body += "".join(f"    {text.format(names[0])}\n" for text in texts)
        return lines(f"def reset_parameters(self):\n{body}")
