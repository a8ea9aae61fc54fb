"""Variable scopes: the same code over TensorFlow and torch makes the same variables."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import scoped, scoped_collections, scoped_scopes, scoped_variables
from tf2torch.support.scoped import ScopedModule, variable_name
from tf2torch.support.scoped_function import Scoped

TORCH = SimpleNamespace(
    variable_scope=scoped_scopes.variable_scope,
    get_variable_scope=scoped_scopes.get_variable_scope,
    AUTO_REUSE=scoped_scopes.AUTO_REUSE,
    get_variable=scoped_variables.get_variable,
    get_local_variable=scoped_variables.get_local_variable,
    Variable=scoped_variables.variable,
    make_template=scoped_variables.make_template,
    name_scope=scoped.name_scope,
    get_collection=scoped_collections.get_collection,
    add_to_collection=scoped_collections.add_to_collection,
    trainable_variables=scoped_collections.trainable_variables,
    global_variables=scoped_collections.global_variables,
    int32=torch.int32,
    float32=torch.float32,
    float64=torch.float64,
    zeros=torch.zeros,
    reduce_sum=torch.sum,
    name=variable_name,
)
TF = SimpleNamespace(
    **{name: getattr(tf, name) for name in vars(TORCH) if name != "name"}, name=lambda v: v.name
)


def told(function):
    """What a function notes of its run over TensorFlow and over torch: lists, the same for both."""
    with tf.Graph().as_default():
        expected = list(function(TF))
        variables = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
    module = ScopedModule()
    for _ in range(3):  # later passes find what the first one made
        with module.scopes():
            actual = list(function(TORCH))
            found = {
                variable_name(v)[:-2]: list(v.shape) for v in scoped_collections.global_variables()
            }
        assert actual == expected
        assert found == variables
    assert {name.replace("/", ".") for name in variables} <= set(module.state_dict())
    return actual


def nested(t):
    with t.variable_scope("net") as net:
        yield t.name(t.get_variable("w", [2, 3]))
        for i in range(2):
            with t.variable_scope(f"layer_{i}", initializer=None) as inner:
                yield t.name(t.get_variable("w", [3]))
                yield inner.name, inner.original_name_scope, inner.reuse
        with t.variable_scope("a/b"):
            yield t.name(t.get_variable("c", []))
    yield net.name, t.get_variable_scope().name
    with t.variable_scope(net, reuse=True) as again:
        yield t.name(t.get_variable("w", [2, 3])), again.reuse, again.original_name_scope
        yield t.name(t.Variable(1.0, name="v"))
    with t.variable_scope("other"):
        with t.variable_scope(net):
            yield t.name(t.get_variable("late", 4)), t.name(t.Variable(1.0))
        with t.variable_scope(""):
            yield t.get_variable_scope().name


def default_names(t):
    for _ in range(3):
        with t.variable_scope(None, "block") as scope:
            yield scope.name, scope.original_name_scope
            for _ in range(2):
                with t.variable_scope(None, default_name="conv"):
                    yield t.name(t.get_variable("w", [1]))
    with t.variable_scope("block_3") as third:
        pass
    with t.variable_scope(None, "block") as scope:
        yield scope.name
    with t.variable_scope("outer") as outer:
        with t.variable_scope(None, "conv") as scope:
            yield scope.name
    with t.variable_scope("outer", reuse=t.AUTO_REUSE):
        with t.variable_scope(None, "conv") as scope:
            yield scope.name, scope.reuse is t.AUTO_REUSE
    with t.variable_scope(outer):
        with t.variable_scope(None, "conv") as scope:
            yield scope.name
        with t.variable_scope(third):
            with t.variable_scope(None, "conv") as scope:
                yield scope.name
    with t.variable_scope(outer):
        with t.variable_scope(None, "conv") as scope:
            yield scope.name, scope.original_name_scope
    twice = t.variable_scope(None, "twice")
    for _ in range(2):
        with twice as scope:
            yield scope.name


def name_scopes(t):
    with t.name_scope("tower") as first:
        yield first, t.name(t.Variable(0.0, name="w")), t.name(t.get_variable("g", [1]))
        with t.name_scope("in"), t.variable_scope("vs"):
            yield t.name(t.Variable(0.0, name="w")), t.name(t.get_variable("g", [1]))
    with t.name_scope("tower") as second:
        yield second, t.name(t.Variable(0.0, name="w"))
        with t.name_scope(first):
            yield t.name(t.Variable(0.0, name="w")), t.name(t.Variable(0.0, name="W"))
        with t.name_scope(None) as top:
            yield top, t.name(t.Variable([1, 2])), t.name(t.Variable(np.zeros(3)))
    with t.variable_scope("vs", auxiliary_name_scope=False):
        yield t.name(t.Variable(0.0)), t.name(t.get_variable("h", [2]))


def names_of_scopes_and_variables(t):
    yield t.name(t.get_variable("a", [1]))
    with t.variable_scope("a") as scope:
        yield scope.original_name_scope, t.name(t.get_variable("b", [1]))
        yield t.name(t.Variable(0.0, name="b"))
    with t.variable_scope("c"):
        yield t.name(t.get_variable("type", [1])), t.name(t.get_variable("x.y", [1]))
        yield t.name(t.get_variable("forward", [1])), t.name(t.get_variable("training", [1]))
    with t.variable_scope("training"), t.variable_scope("_parameters"):
        yield t.name(t.get_variable("0", [1]))
    yield t.name(t.get_variable("c", [1]))
    yield t.name(t.get_variable("D", [1])), t.name(t.Variable(0.0, name="d"))


def reuse_is_inherited(t):
    def both():
        with t.variable_scope("inner", reuse=False):
            return t.get_variable("w", [1])

    with t.variable_scope("s") as scope:
        first = both()
        scope.reuse_variables()
        yield t.get_variable_scope().reuse, both() is first
    with t.variable_scope("s", reuse=True):
        with t.variable_scope("inner", reuse=None) as inner:
            yield inner.reuse
        yield both() is first
    with t.variable_scope("s", reuse=t.AUTO_REUSE):
        yield both() is first, t.name(t.get_variable("new", [2]))
    with t.variable_scope(scope):
        yield both() is first
    t.get_variable_scope().reuse_variables()
    with t.variable_scope("s"):
        yield both() is first


def collections(t):
    with t.variable_scope("a", regularizer=lambda v: t.reduce_sum(v)):
        t.get_variable("w", [2])
        with t.variable_scope("b", regularizer=lambda v: None):
            t.get_variable("w", [2], trainable=False)
        t.get_variable("x", [2], collections=["mine"])
        t.add_to_collection("mine", t.zeros([1]))
        t.add_to_collection("mine", "text")
    t.get_local_variable("local", [3])
    t.get_variable("counter", [], t.int32, trainable=False)
    for scope in (None, "a", "a/b", "b", ".*w"):
        yield [t.name(v) for v in t.trainable_variables(scope)]
        yield [t.name(v) for v in t.global_variables(scope)]
        yield len(t.get_collection("regularization_losses", scope))
        yield len(t.get_collection("mine", scope)), len(t.get_collection("local_variables", scope))
    with t.variable_scope("a") as scope:
        yield [t.name(v) for v in scope.global_variables()]


def custom_getters(t):
    told = []

    def note(label):
        def getter(getter, name, *args, **kwargs):
            told.append((label, name, kwargs["reuse"], kwargs["trainable"], kwargs["shape"]))
            return getter(name + "_" + label, *args, **kwargs)

        return getter

    def explicit(getter, name, shape, dtype, initializer, regularizer, reuse, trainable, **rest):
        return getter(name, shape, dtype, initializer, trainable=False, **rest)

    with t.variable_scope("s", custom_getter=note("outer")) as scope:
        yield t.name(t.get_variable("w", [1]))
        with t.variable_scope("in", custom_getter=note("inner")):
            yield t.name(t.get_variable("w", [1]))
            yield t.name(t.get_variable("v", [1], custom_getter=explicit))
    with t.variable_scope(scope, custom_getter=note("again"), reuse=t.AUTO_REUSE):
        yield t.name(t.get_variable("w", [1]))
    yield [(*entry[:2], entry[2] is t.AUTO_REUSE, *entry[3:]) for entry in told]
    yield [t.name(v) for v in t.trainable_variables()]


def templates(t):
    def make(size, label="w"):
        with t.variable_scope(None, "in"):
            return t.get_variable(label, [size])

    first, second = t.make_template("net", make, size=2), t.make_template("net", make)
    now = t.make_template("now", make, create_scope_now_=True)
    unique = t.make_template("net", make, unique_name_="mine")
    w = first()
    yield t.name(w), first() is w, t.name(second(3)), t.name(now(1)), t.name(unique(2))
    yield first.variable_scope.name, [t.name(v) for v in second.variables]
    with t.variable_scope("around"):
        yield first() is w, t.name(t.make_template("net", make)(1))


@pytest.mark.parametrize(
    "function",
    [
        nested,
        default_names,
        name_scopes,
        names_of_scopes_and_variables,
        reuse_is_inherited,
        collections,
        custom_getters,
        templates,
    ],
    ids=lambda function: function.__name__,
)
def test_names_and_scopes_are_those_of_tensorflow(function):
    assert told(function)


def raises(function, *expected):
    """Whether TensorFlow and torch raise the same kind of error, with these words."""
    with tf.Graph().as_default(), pytest.raises(Exception) as there:
        list(function(TF))
    with ScopedModule().scopes(), pytest.raises(Exception) as here:
        list(function(TORCH))
    assert type(here.value) is type(there.value)
    for words in expected:
        assert words in str(here.value) and words in str(there.value)


def made_twice(t):
    with t.variable_scope("s"):
        yield t.get_variable("w", [1])
        yield t.get_variable("w", [1])


def never_made(t):
    with t.variable_scope("s", reuse=True):
        yield t.get_variable("w", [1])


def other_shape(t):
    with t.variable_scope("s", reuse=t.AUTO_REUSE):
        yield t.get_variable("w", [1])
        yield t.get_variable("w", [2])


def other_dtype(t):
    with t.variable_scope("s", reuse=t.AUTO_REUSE):
        yield t.get_variable("w", [1])
        yield t.get_variable("w", [1], dtype=t.float64)


def reuse_without_a_name(t):
    with t.variable_scope(None, "s", reuse=True):
        yield 1


def no_name(t):
    with t.variable_scope(None):
        yield 1


def constant_with_shape(t):
    yield t.get_variable("w", [2], initializer=t.zeros([2]))


def no_shape(t):
    yield t.get_variable("w")


def template_with_new_variables(t):
    names = iter("ab")
    make = t.make_template("net", lambda: t.Variable(0.0, name=next(names)))
    yield make(), make()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (made_twice, ["Variable s/w already exists, disallowed"]),
        (never_made, ["Variable s/w does not exist"]),
        (other_shape, ["Trying to share variable s/w, but specified shape (2,)"]),
        (other_dtype, ["Trying to share variable s/w, but specified dtype"]),
        (reuse_without_a_name, ["reuse=True cannot be used without a name_or_scope"]),
        (no_name, ["name_or_scope is required"]),
        (constant_with_shape, ["initializer is a constant, do not specify shape"]),
        (no_shape, ["Variable w did not get an initializer"]),
        (template_with_new_variables, ["Trainable variable created when calling a template"]),
    ],
)
def test_errors_are_those_of_tensorflow(function, words):
    raises(function, *words)


def test_outside_a_pass():
    with pytest.raises(RuntimeError, match="module.scopes"):
        TORCH.get_variable("w", [1])


def linear(x, width, init=None):
    with TORCH.variable_scope("net", initializer=init):
        w = TORCH.get_variable("w", [x.shape[-1], width])
        n = TORCH.get_variable(
            "n", [], torch.int32, lambda shape, dtype: torch.ones(shape).to(dtype)
        )
        return x @ w, n


def test_a_module_around_a_function():
    module = Scoped(linear, width=3)
    y, n = module(torch.ones(2, 4))
    assert y.shape == (2, 3) and n.dtype == torch.int32
    assert [name for name, _ in module.named_parameters()] == ["net.w"]
    assert set(module.state_dict()) == {"net.w", "net.n"}
    assert torch.equal(module(torch.ones(2, 4))[0], y)
    assert variable_name(module.net.w) == "net/w:0"


@pytest.mark.parametrize("before", [True, False])
def test_new_variables_have_the_dtype_of_the_module(before):
    module = Scoped(linear, width=3)
    if before:
        module.double()
    else:
        torch.set_default_dtype(torch.float64)
    try:
        assert module(torch.ones(2, 4).double())[0].dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    with module.scopes():  # what comes later follows too
        assert TORCH.get_variable("late", [1], dtype=torch.float32).dtype == torch.float64
        assert TORCH.get_variable("half", [1], dtype=torch.float16).dtype == torch.float16


def test_variables_made_without_gradients_can_be_trained():
    module = Scoped(linear, width=3)
    with torch.inference_mode():
        module(torch.ones(2, 4))
    module(torch.ones(2, 4))[0].sum().backward()
    assert module.net.w.grad.shape == (4, 3)


def test_a_state_that_is_loaded_first_waits():
    module, fresh = Scoped(linear, width=3), Scoped(linear, width=3)
    expected = module(torch.ones(2, 4))[0]
    outer = torch.nn.ModuleDict({"inner": fresh})
    outer.load_state_dict({"inner." + k: v for k, v in module.state_dict().items()})
    assert set(fresh.state_dict()) == set(module.state_dict())
    assert torch.equal(fresh(torch.ones(2, 4))[0], expected)
    assert set(fresh.state_dict()) == set(module.state_dict())
    partial = Scoped(linear, width=3)
    partial.load_state_dict({"net.w": module.net.w})
    with pytest.raises(RuntimeError, match="no variable net/n"):
        partial(torch.ones(2, 4))


def test_passes_join_and_do_not_mix():
    outer, inner = ScopedModule(), Scoped(linear, width=3)
    with outer.scopes():
        with TORCH.variable_scope("s"):
            y, _ = inner(torch.ones(2, 4))
            with outer.scopes():
                TORCH.get_variable("w", [1])
        with pytest.raises(ValueError, match="s/w already"):
            with TORCH.variable_scope("s"):
                TORCH.get_variable("w", [1])
    assert set(outer.state_dict()) == {"s.w"} and set(inner.state_dict()) == {"net.w", "net.n"}


def test_constraints_hold_after_a_step():
    module = ScopedModule()
    with module.scopes():
        w = TORCH.get_variable("w", initializer=torch.ones(3), constraint=lambda v: v.clamp(0, 1))
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    (-w[:2].sum() + w[2] * 5).backward()
    optimizer.step()
    assert w.tolist() == [1, 1, 0]


def test_a_copy_of_a_module_has_its_own_variables():
    module = Scoped(linear, width=3)
    y = module(torch.ones(2, 4))[0]
    other = copy.deepcopy(module)
    with torch.no_grad():
        other.net.w.zero_()
    assert torch.equal(module(torch.ones(2, 4))[0], y)
    assert not other(torch.ones(2, 4))[0].any()
    assert variable_name(other.net.w) == "net/w:0"
