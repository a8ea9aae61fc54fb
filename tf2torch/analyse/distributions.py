"""tf.distributions: objects with parameters that are tensors, and what their methods give."""

from __future__ import annotations

from dataclasses import replace

from tf2torch.analyse import tensors
from tf2torch.analyse.calls import GraphCall, Handler
from tf2torch.analyse.facts import Obj
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Dim, Shape, Value, constant

#: Parameters of each family in TensorFlow's order.
FAMILIES: dict[str, tuple[str, ...]] = {
    "Normal": ("loc", "scale"),
    "Laplace": ("loc", "scale"),
    "Uniform": ("low", "high"),
    "Exponential": ("rate",),
    "Bernoulli": ("logits", "probs", "dtype"),
    "Categorical": ("logits", "probs", "dtype"),
    "Beta": ("concentration1", "concentration0"),
    "Gamma": ("concentration", "rate"),
    "Dirichlet": ("concentration",),
    "StudentT": ("df", "loc", "scale"),
    "MultivariateNormalDiag": ("loc", "scale_diag", "scale_identity_multiplier"),
}
_VECTORS = ("MultivariateNormalDiag", "Dirichlet", "Categorical")
_COUNTS = ("Bernoulli", "Categorical")
_PLAIN = ("mean", "stddev", "variance", "mode", "entropy", "sample", "log_prob", "prob", "cdf")


def _make(family: str) -> Handler:
    def handler(call: GraphCall) -> Value:
        given = {}
        for index, name in enumerate(FAMILIES[family]):
            found = call.argument(index, name)
            if found is not None and found.value.literal is not None:
                given[name] = found
        record = {"family": family, "arguments": given, "call": call}
        return Value("object", detail=Obj("Distribution", record, call.node))

    return handler


def parameters(record: Obj) -> Value:
    """A value of the shape that all parameters have together."""
    shape: Shape | None = ()
    dtype = None
    for name, argument in record["arguments"].items():
        if name == "dtype":
            continue
        known = argument.value if argument.value.is_tensor else tensors.plain(argument.value)
        dtype = dtype or (known.dtype if known.is_tensor else None)
        own = known.shape if known.is_tensor else (() if _is_number(known) else None)
        shape = tensors.broadcast(shape, own)
    return Value("tensor", dtype=dtype or "float32", shape=shape)


def _is_number(value: Value) -> bool:
    return isinstance(value.literal, (int, float))


def _sample_shape(call: GraphCall) -> Shape | None:
    given = call.value(0, "sample_shape")
    if given is None or given.literal == ():
        return ()
    if isinstance(given.literal, int):
        return (Dim(given.literal),)
    if given.kind == "python" and given.literal is UNKNOWN:
        return None
    return tensors.shape_from(given)


def _result(call: GraphCall) -> Value:
    assert call.receiver is not None
    record: Obj = call.receiver.detail
    name = call.symbol.rpartition(".")[2]
    known = parameters(record)
    family = record["family"]
    shape, dtype = known.shape, known.dtype
    if family == "Categorical" and shape is not None:
        shape = shape[:-1]
    if name in ("sample", "mode") and family in _COUNTS:
        wanted = record["arguments"].get("dtype")
        literal = "int32" if wanted is None else wanted.value.literal
        dtype = literal if isinstance(literal, str) else None
    if name == "sample":
        outer = _sample_shape(call)
        shape = None if outer is None or shape is None else (*outer, *shape)
    if name in ("log_prob", "prob", "entropy", "cdf") and family in _VECTORS:
        if family != "Categorical" and shape is not None:
            shape = shape[:-1]
    if name in ("log_prob", "prob", "cdf"):
        given = call.value(0, "value", "event")
        own = given.shape if given is not None and given.is_tensor else None
        if given is not None and _is_number(given):
            own = ()
        if own is not None and family in _VECTORS and family != "Categorical":
            own = own[:-1]
        shape = tensors.broadcast(shape, own)
    return tensors.result(call.state, dtype, shape)


def _divergence(call: GraphCall) -> Value:
    given = call.value(0, "distribution_a") if call.receiver is None else call.receiver
    if given is None or given.kind != "object" or given.detail.type != "Distribution":
        return ANYTHING
    one = parameters(given.detail)
    shape = one.shape
    if given.detail["family"] in _VECTORS and shape is not None:
        shape = shape[:-1]
    return tensors.result(call.state, one.dtype, shape)


def attribute(record: Obj, name: str) -> Value | None:
    """``dist.loc``: a parameter as a tensor."""
    found = record["arguments"].get(name)
    if found is None:
        return None
    if found.value.is_tensor:
        return replace(found.value, kind="tensor")
    return constant(found.value.literal) if _is_number(found.value) else None


_MODULES = ("tf.distributions", "tf.contrib.distributions", "tf.contrib.distributions.python.ops")

HANDLERS: dict[str, Handler] = {
    **{f"{module}.{name}": _make(name) for module in _MODULES for name in FAMILIES},
    **{f"{module}.kl_divergence": _divergence for module in _MODULES},
}
METHODS: dict[str, Handler] = {
    **{f"Distribution.{name}": _result for name in _PLAIN},
    "Distribution.kl_divergence": _divergence,
}
