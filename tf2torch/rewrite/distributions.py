"""tf.distributions as torch.distributions."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from tf2torch.analyse.distributions import FAMILIES, HANDLERS
from tf2torch.analyse.facts import Obj
from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.values import UNKNOWN

_D = "torch.distributions"
_REPARAMETERIZED = frozenset(FAMILIES) - {"Bernoulli", "Categorical"}
_COUNTS = ("Bernoulli", "Categorical")
_PROPERTIES = ("mean", "stddev", "variance", "mode")


def _made(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.distributions.Normal(m, s)`` -> ``torch.distributions.Normal(m, s)``"""
    record: Obj = writer.value(node).detail
    family, given = record["family"], record["arguments"]
    if "scale_identity_multiplier" in given:
        raise Unconvertible("distribution", "scale_identity_multiplier", node)
    texts = {}
    on_device = any(a.value.is_tensor for n, a in given.items() if n != "dtype")
    for name, item in given.items():
        if name == "dtype":
            continue
        text = code(convert(writer, item.node, scope))
        if not item.value.is_tensor:
            if item.value.kind not in ("python", "sequence"):
                raise Unconvertible("distribution", f"{name}= is not known", node)
            if not on_device or item.value.kind == "sequence":
                text = f"torch.tensor({text}, dtype=torch.float32, device=device)"
        texts[name] = text
    if family == "Uniform":
        texts = {"low": texts.get("low", "0.0"), "high": texts.get("high", "1.0")}
        if not on_device:
            texts = {
                n: t if "torch" in t else f"torch.tensor({t}, device=device)"
                for n, t in texts.items()
            }
    keywords = family in _COUNTS
    # TensorFlow checks neither parameters nor values by default.
    if family == "MultivariateNormalDiag":
        if set(texts) != {"loc", "scale_diag"}:
            raise Unconvertible("distribution", "a normal distribution without loc or scale", node)
        inner = f"{_D}.Normal({texts['loc']}, {texts['scale_diag']}, validate_args=False)"
        return Typed(parse(f"{_D}.Independent({inner}, 1, validate_args=False)"))
    parts = [f"{n}={t}" if keywords else t for n, t in texts.items()]
    return Typed(parse(f"{_D}.{family}({', '.join([*parts, 'validate_args=False'])})"))


def _method(name: str) -> Callable[[Writer, cst.Call, Scope], Typed]:
    def special(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
        assert isinstance(node.func, cst.Attribute)
        record: Obj = writer.value(node.func.value).detail
        family = record["family"]
        owner = code(convert(writer, node.func.value, scope))
        if name in _PROPERTIES:
            if family == "Categorical" and name != "mode":
                raise Unconvertible("distribution", f"the {name} of a Categorical", node)
            text = f"{owner}.{name}"
            if name == "mode" and family in _COUNTS:
                text += ".int()"
            return Typed(parse(text))
        if name == "entropy":
            return Typed(parse(f"{owner}.entropy()"))
        if name == "sample":
            return Typed(parse(_sample(writer, node, scope, family, owner)))
        given = argument(node, 0, "value", "event", "counts")
        if given is None:
            raise Unconvertible("distribution", f"{name} without a value", node)
        value = writer.value(given)
        text = code(convert(writer, given, scope))
        if not value.is_tensor:
            text = f"torch.as_tensor({text}, device=device)"
        if family == "Bernoulli" and value.category != "float":
            text = f"{_atom(text)}.float()"
        text = f"{owner}.{'cdf' if name == 'cdf' else 'log_prob'}({text})"
        return Typed(parse(f"{text}.exp()" if name == "prob" else text))

    return special


def _sample(writer: Writer, node: cst.Call, scope: Scope, family: str, owner: str) -> str:
    shape = argument(node, 0, "sample_shape")
    size = ""
    if shape is not None and writer.value(shape).literal != ():
        value = writer.value(shape)
        text = code(convert(writer, shape, scope))
        if isinstance(value.literal, int):
            size = f"({text},)"
        elif value.kind == "sequence" or isinstance(value.literal, tuple):
            size = text
        elif value.kind == "python" and value.literal is UNKNOWN:
            raise Unconvertible("distribution", "the shape of the sample is not known", node)
        else:
            size = f"({text},)" if value.rank == 0 else f"tuple({text})"
    draw = "rsample" if family in _REPARAMETERIZED else "sample"
    text = f"{owner}.{draw}({size})"
    if family not in _COUNTS:
        return text
    dtype = writer.value(node).dtype
    return f"{text}.int()" if dtype in (None, "int32") else text


def _atom(text: str) -> str:
    node = parse(text)
    plain = isinstance(node, (cst.Name, cst.Attribute, cst.Call, cst.Subscript)) or node.lpar
    return text if plain else f"({text})"


def _divergence(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.distributions.kl_divergence(a, b)`` -> ``torch.distributions.kl_divergence(a, b)``"""
    if node.func in writer.analysis.symbols:
        one = argument(node, 0, "distribution_a")
        other = argument(node, 1, "distribution_b")
    else:
        assert isinstance(node.func, cst.Attribute)
        one, other = node.func.value, argument(node, 0, "other")
    if one is None or other is None:
        raise Unconvertible("distribution", "a divergence needs two distributions", node)
    for side in (one, other):
        value = writer.value(side)
        if value.kind != "object" or value.detail.type != "Distribution":
            raise Unconvertible("distribution", "a distribution that is not known", node)
    texts = [code(convert(writer, side, scope)) for side in (one, other)]
    return Typed(parse(f"{_D}.kl_divergence({', '.join(texts)})"))


def attribute(writer: Writer, node: cst.Attribute, scope: Scope) -> cst.BaseExpression:
    """``dist.loc``; torch normalizes the logits of a Categorical, so these are refused."""
    record: Obj = writer.value(node.value).detail
    name = node.attr.value
    if name not in record["arguments"] or (record["family"], name) == ("Categorical", "logits"):
        raise Unconvertible("distribution", f"{name!r} of a distribution", node)
    owner = code(convert(writer, node.value, scope))
    if record["family"] == "MultivariateNormalDiag":
        name = {"loc": "base_dist.loc", "scale_diag": "base_dist.scale"}[name]
    return parse(f"{owner}.{name}")


SPECIAL = {
    symbol: _divergence if symbol.endswith("kl_divergence") else _made for symbol in HANDLERS
}
METHODS = {
    **{
        f"Distribution.{name}": _method(name)
        for name in (*_PROPERTIES, "entropy", "sample", "log_prob", "prob", "cdf")
    },
    "Distribution.kl_divergence": _divergence,
}
