"""Short forms of graph code are spelled out before analysis, as a programmer would without them.

for t in [loss, acc]:              print(sess.run(loss))
    print(sess.run(t))     ->      print(sess.run(acc))

dense = lambda x, n: tf.layers.dense(x, n)  ->  def dense(x, n): ...
outs = [tf.layers.dense(x, n) for n in sizes]  ->  a loop that appends to `outs`
tf.layers.dense(x, **options)  ->  with the arguments of a dictionary that never changes
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import libcst as cst

from tf2torch.analyse.wording import last_name, library_names, names_below
from tf2torch.cst.walk import below, walk, with_children

Origins = dict[cst.CSTNode, cst.CSTNode]

#: The most copies that are made of the body of a loop.
_MOST = 12
_LOOPS = (cst.For, cst.While)
_LAYERS = frozenset({"layers", "slim", "contrib", "keras"})
_CHANGING = frozenset("update pop popitem setdefault clear __setitem__".split())


def spell_out(module: cst.Module, origins: Origins) -> cst.Module:
    """The module with such forms spelled out."""
    library = library_names(module)
    if not library:
        return module
    options = _fixed_dictionaries(module)
    needless = {name for name in options if not _read_otherwise(module, name, library)}

    def line(node: cst.CSTNode) -> list[cst.CSTNode]:
        if isinstance(node, cst.For):
            copies = _unrolled(node, origins)
            if copies is not None:
                return [new for copy in copies for new in line(copy)]
        if isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1:
            small = node.body[0]
            if isinstance(small, cst.Assign) and len(small.targets) == 1:
                target = small.targets[0].target
                if isinstance(target, cst.Name):
                    if target.value in needless:
                        return []
                    made = _function(node, target, small.value, library, module)
                    made = made or _loop(node, target, small.value, library, module)
                    if made is not None:
                        for new in made:
                            origins[new] = origins.get(node, node)
                        return made
        return [change(node)]

    def change(node: cst.CSTNode) -> cst.CSTNode:
        new: cst.CSTNode = node
        if type(node) in (cst.Module, cst.IndentedBlock):
            old = node.body  # type: ignore[attr-defined]
            body = [made for item in old for made in line(item)]
            if len(body) != len(old) or any(a is not b for a, b in zip(body, old)):
                new = node.with_changes(body=body)
        elif options and isinstance(node, cst.Call):
            new = with_children(node, change)
            assert isinstance(new, cst.Call)
            new = _with_options(new, options, library)
        elif options or not isinstance(node, cst.BaseExpression):
            new = with_children(node, change)
        if new is not node:
            origins.setdefault(new, origins.get(node, node))
        return new

    return change(module)  # type: ignore[return-value]


# -- loops over fetches --------------------------------------------------------------------------


def _unrolled(node: cst.For, origins: Origins) -> list[cst.BaseStatement] | None:
    """The body of a loop over a few things that it fetches, once for each of them."""
    items = _items(node.iter)
    names = _target_names(node.target)
    if not items or names is None or len(items) > _MOST or node.orelse is not None:
        return None
    if not _fetches(node.body, set(names)) or not isinstance(node.body, cst.IndentedBlock):
        return None
    if any(below(node.body, cst.Break, cst.Continue, cst.FunctionDef, cst.Lambda)):
        return None
    bound = {n.value for item in below(node.body, cst.AssignTarget) for n in below(item, cst.Name)}
    bound |= {n.value for item in below(node.body, *_LOOPS, cst.CompFor) for n in _bound_by(item)}
    if bound & (set(names) | names_below(node.iter)):
        return None
    rows = [_parts(item, len(names)) for item in items]
    if any(row is None or not all(map(_is_plain, row)) for row in rows):
        return None
    copies: list[cst.BaseStatement] = []
    for number, row in enumerate(rows):
        given = dict(zip(names, row or ()))
        for statement in node.body.body:
            copy = _copy(statement, given, origins)
            if number == 0 and not copies:
                lines = [*node.leading_lines, *copy.leading_lines]  # type: ignore[attr-defined]
                copy = copy.with_changes(leading_lines=lines)
                origins[copy] = origins.get(statement, statement)
            copies.append(copy)
    return copies


def _bound_by(node: cst.CSTNode) -> Sequence[cst.Name]:
    target = getattr(node, "target", None)
    return below(target, cst.Name) if target is not None else []


def _items(node: cst.BaseExpression) -> list[cst.BaseExpression] | None:
    """The elements of a list or tuple that is written there, or ``{...}.items()``."""
    if isinstance(node, (cst.List, cst.Tuple)):
        elements = list(node.elements)
        if all(isinstance(element, cst.Element) for element in elements):
            return [element.value for element in elements]
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and not node.args:
        owner = node.func.value
        if node.func.attr.value == "items" and isinstance(owner, cst.Dict):
            pairs = [e for e in owner.elements if isinstance(e, cst.DictElement)]
            if len(pairs) == len(owner.elements):
                made = ((cst.Element(pair.key), cst.Element(pair.value)) for pair in pairs)
                return [cst.Tuple(elements) for elements in made]
    return None


def _target_names(node: cst.BaseExpression) -> list[str] | None:
    if isinstance(node, cst.Name):
        return [node.value]
    if isinstance(node, cst.Tuple) and all(isinstance(e.value, cst.Name) for e in node.elements):
        return [e.value.value for e in node.elements]  # type: ignore[attr-defined]
    return None


def _parts(item: cst.BaseExpression, count: int) -> list[cst.BaseExpression] | None:
    if count == 1:
        return [item]
    if not isinstance(item, (cst.Tuple, cst.List)) or len(item.elements) != count:
        return None
    return [element.value for element in item.elements]


def _is_plain(node: cst.BaseExpression) -> bool:
    """Whether an expression means the same wherever it stands, and can stand anywhere."""
    kinds = (cst.Call, cst.Lambda, cst.Await, cst.Yield, cst.NamedExpr)
    return not below(node, *kinds) and not isinstance(node, cst.GeneratorExp)


def _fetches(body: cst.CSTNode, names: set[str]) -> bool:
    """Whether code runs what the names stand for: ``sess.run(t)``, ``t.eval()``"""
    for call in below(body, cst.Call):
        if not isinstance(call.func, cst.Attribute):
            continue
        name = call.func.attr.value
        first = [a.value for a in call.args if a.keyword is None][:1]
        first += [a.value for a in call.args if a.keyword and a.keyword.value == "fetches"]
        if name == "run" and first and names_below(first[0]) & names:
            return True
        if name == "eval" and isinstance(call.func.value, cst.Name):
            if call.func.value.value in names:
                return True
    return False


def _copy(
    node: cst.BaseStatement, given: Mapping[str, cst.BaseExpression], origins: Origins
) -> cst.BaseStatement:
    """A copy with expressions in the places of names; both trees have the same origins."""

    def fill(item: cst.CSTNode) -> cst.CSTNode:
        made: cst.CSTNode
        if isinstance(item, (cst.Attribute, cst.Arg)):
            made = item.with_changes(value=fill(item.value))
        elif isinstance(item, cst.Name) and item.value in given:
            value = given[item.value]
            made = value.deep_clone()
            origins.update(
                (new, origins.get(old, old)) for new, old in zip(walk(made), walk(value))
            )
            if isinstance(value, (cst.BinaryOperation, cst.UnaryOperation)) and not value.lpar:
                made = made.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        else:
            made = with_children(item, fill)
            made = made if made is not item else item.deep_clone()
        origins[made] = origins.get(item, item)
        return made

    return fill(node)  # type: ignore[return-value]


# -- lambdas and comprehensions that make layers -------------------------------------------------


def _makes(node: cst.CSTNode, library: frozenset[str]) -> bool:
    """Whether code makes variables or layers, as far as its words tell."""
    for call in below(node, cst.Call):
        words = names_below(call.func) | {a.attr.value for a in below(call.func, cst.Attribute)}
        if not words & library:
            continue
        if words & (_LAYERS | {"Variable", "get_variable"}):
            return True
    return False


def _function(
    line: cst.SimpleStatementLine,
    target: cst.Name,
    value: cst.BaseExpression,
    library: frozenset[str],
    module: cst.Module,
) -> list[cst.CSTNode] | None:
    """``f = lambda x: y`` -> ``def f(x): return y``"""
    if not isinstance(value, cst.Lambda) or not _makes(value.body, library):
        return None
    stored = [t for t in below(module, cst.AssignTarget) if last_name(t.target) == target.value]
    if len(stored) != 1:
        return None
    body = cst.IndentedBlock([cst.SimpleStatementLine([cst.Return(value.body)])])
    return [cst.FunctionDef(target, value.params, body, leading_lines=line.leading_lines)]


def _loop(
    line: cst.SimpleStatementLine,
    target: cst.Name,
    value: cst.BaseExpression,
    library: frozenset[str],
    module: cst.Module,
) -> list[cst.CSTNode] | None:
    """``outs = [layer(x, n) for n in sizes]`` -> a loop"""
    if not isinstance(value, cst.ListComp) or value.for_in.inner_for_in is not None:
        return None
    funcs = [call.func for call in below(value.elt, cst.Call)]
    words = {item.attr.value for func in funcs for item in below(func, cst.Attribute)}
    if not words & _LAYERS or not _makes(value.elt, library) or value.for_in.ifs:
        return None
    bound = names_below(value.for_in.target)
    own = set(below(value, cst.Name))
    for scope in below(module, cst.FunctionDef, cst.Lambda):
        if bound & {param.name.value for param in below(scope.params, cst.Param)}:  # type: ignore[attr-defined]
            own.update(below(scope, cst.Name))
    for comp in below(module, cst.ListComp, cst.GeneratorExp, cst.SetComp, cst.DictComp):
        if bound & names_below(comp.for_in.target):
            own.update(below(comp, cst.Name))
    read = any(name.value in bound and name not in own for name in below(module, cst.Name))
    if read or target.value in names_below(value):
        return None
    empty = cst.SimpleStatementLine(
        [cst.Assign([cst.AssignTarget(target)], cst.List([]))], leading_lines=line.leading_lines
    )
    call = cst.Call(cst.Attribute(cst.Name(target.value), cst.Name("append")), [cst.Arg(value.elt)])
    body = cst.IndentedBlock([cst.SimpleStatementLine([cst.Expr(call)])])
    return [empty, cst.For(value.for_in.target, value.for_in.iter, body)]


# -- dictionaries of arguments -------------------------------------------------------------------


def _fixed_dictionaries(module: cst.Module) -> dict[str, list[tuple[str, cst.BaseExpression]]]:
    """Dictionaries with names that are bound once, never changed, and handed over with ``**``."""
    wanted = {
        arg.value.value
        for call in below(module, cst.Call)
        for arg in call.args
        if arg.star == "**" and isinstance(arg.value, cst.Name)
    }
    found: dict[str, list[tuple[str, cst.BaseExpression]]] = {}
    for name in sorted(wanted):
        bound = [
            node
            for node in below(module, cst.Assign)
            if any(isinstance(t.target, cst.Name) and t.target.value == name for t in node.targets)
        ]
        stored = sum(name in names_below(target) for target in below(module, cst.AssignTarget))
        params = any(item.name.value == name for item in below(module, cst.Param))
        if len(bound) != 1 or stored != 1 or params or _changed(module, name):
            continue
        pairs = _pairs(bound[0].value)
        if pairs is not None and all(_is_constant(value) for _, value in pairs):
            found[name] = pairs
    return found


def _read_otherwise(module: cst.Module, name: str, library: frozenset[str]) -> bool:
    """Whether code has a dictionary of arguments for something else than to hand it over."""
    handed = {
        call.args[-1].value
        for call in below(module, cst.Call)
        if call.args and call.args[-1].star == "**" and names_below(call.func) & library
    }
    targets = {node for item in below(module, cst.AssignTarget) for node in below(item, cst.Name)}
    names = [node for node in below(module, cst.Name) if node.value == name]
    return any(node not in handed and node not in targets for node in names)


def _changed(module: cst.Module, name: str) -> bool:
    for node in below(module, cst.Attribute):
        if isinstance(node.value, cst.Name) and node.value.value == name:
            if node.attr.value in _CHANGING:
                return True
    kinds = (cst.AugAssign, cst.Del)
    return any(name in names_below(n.target) for n in below(module, *kinds))  # type: ignore[attr-defined]


def _pairs(node: cst.BaseExpression) -> list[tuple[str, cst.BaseExpression]] | None:
    if isinstance(node, cst.Call) and last_name(node.func) == "dict":
        if all(arg.keyword is not None and not arg.star for arg in node.args):
            return [(arg.keyword.value, arg.value) for arg in node.args if arg.keyword is not None]
    if isinstance(node, cst.Dict):
        pairs = []
        for element in node.elements:
            if not isinstance(element, cst.DictElement):
                return None
            if not isinstance(element.key, cst.SimpleString):
                return None
            key = element.key.evaluated_value
            if not isinstance(key, str) or not key.isidentifier():
                return None
            pairs.append((key, element.value))
        return pairs
    return None


def _is_constant(node: cst.BaseExpression) -> bool:
    """``5``, ``"same"``, ``(3, 3)``, ``tf.nn.relu``: the same wherever it is evaluated."""
    kinds = (cst.Attribute, cst.SimpleString, cst.Integer, cst.Float, cst.UnaryOperation)
    if isinstance(node, (cst.Tuple, cst.List)):
        return all(_is_constant(element.value) for element in node.elements)
    if isinstance(node, cst.Name):
        return node.value in ("True", "False", "None")
    return isinstance(node, kinds) and not below(node, cst.Call)


def _with_options(
    node: cst.Call,
    options: Mapping[str, list[tuple[str, cst.BaseExpression]]],
    library: frozenset[str],
) -> cst.Call:
    last = node.args[-1] if node.args else None
    if last is None or last.star != "**" or not isinstance(last.value, cst.Name):
        return node
    pairs = options.get(last.value.value)
    if pairs is None or not names_below(node.func) & library:
        return node
    before = [arg.with_changes(comma=cst.MaybeSentinel.DEFAULT) for arg in node.args[:-1]]
    tight = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    added = [
        cst.Arg(value.deep_clone(), keyword=cst.Name(key), equal=tight) for key, value in pairs
    ]
    return node.with_changes(args=[*before, *added])
