"""The text of an nn.Module class."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.names import names_in, parameters
from tf2torch.rewrite.suites import Statements
from tf2torch.rewrite.writer import lines, parse


class _Renamer(cst.CSTTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Attribute_attr(self, node: cst.Attribute) -> None: ...

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        """A closure: its own parameters and locals stay what they are."""
        own = set(parameters(original_node)) | names_in(original_node.body).stores
        inner = _Renamer({name: text for name, text in self.names.items() if name not in own})
        params = original_node.params.with_changes(
            params=[
                p if p.default is None else p.with_changes(default=p.default.visit(self))
                for p in original_node.params.params
            ]
        )
        return original_node.with_changes(params=params, body=original_node.body.visit(inner))

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False

    def leave_Lambda(self, original_node: cst.Lambda, updated_node: cst.Lambda) -> cst.Lambda:
        own = set(parameters(original_node))
        inner = _Renamer({name: text for name, text in self.names.items() if name not in own})
        return original_node.with_changes(body=original_node.body.visit(inner))

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        text = self.names.get(original_node.value)
        return parse(text) if text is not None else updated_node


def rename(statement: cst.BaseStatement, names: dict[str, str]) -> cst.BaseStatement:
    return statement.visit(_Renamer(names))  # type: ignore[return-value]


def forward_method(name: str, params: list[cst.Param], body: Statements) -> cst.FunctionDef:
    """``def name(self, ...): body``; what follows a default without having one is keyword only."""
    body = body or lines("pass\n")
    first = next((i for i, p in enumerate(params) if p.default is not None), len(params))
    keyword_only = [p for p in params[first:] if p.default is None]
    plain = [p for p in params if p not in keyword_only]
    star = {"star_arg": cst.ParamStar(), "kwonly_params": keyword_only} if keyword_only else {}
    return cst.FunctionDef(
        cst.Name(name),
        cst.Parameters([cst.Param(cst.Name("self")), *plain], **star),  # type: ignore[arg-type]
        cst.IndentedBlock(body),
        leading_lines=[cst.EmptyLine(indent=False)],
    )


def class_definition(
    name: str,
    init_params: list[cst.Param],
    constructor: Statements,
    resets: Statements,
    methods: list[cst.FunctionDef],
    doc: list[cst.BaseStatement],
) -> cst.ClassDef:
    """An nn.Module class."""
    body: Statements = [*doc]
    if constructor or resets or init_params:
        inner = lines("super().__init__()\n") + constructor
        if resets:
            inner += lines("self.reset_parameters()\n")
        first = forward_method("__init__", init_params, inner)
        body.append(first.with_changes(leading_lines=[cst.EmptyLine(indent=False)] if doc else []))
    for reset in resets:
        body.append(reset.with_changes(leading_lines=[cst.EmptyLine(indent=False)]))
    for index, method in enumerate(methods):
        if index == 0 and not body:
            method = method.with_changes(leading_lines=[])
        elif not any(
            isinstance(line, cst.EmptyLine) and line.comment is None
            for line in method.leading_lines[:1]
        ):
            method = method.with_changes(
                leading_lines=[
                    cst.EmptyLine(indent=False),
                    *[li for li in method.leading_lines if li.comment],
                ]
            )
        body.append(method)
    return cst.ClassDef(
        cst.Name(name),
        cst.IndentedBlock(body or lines("pass\n")),
        bases=[cst.Arg(parse("nn.Module"))],
        leading_lines=[cst.EmptyLine(indent=False), cst.EmptyLine(indent=False)],
        lpar=cst.LeftParen(),
        rpar=cst.RightParen(),
    )
