"""get_variable, Variable and templates of TensorFlow, for modules with scoped variables."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from .initializers import glorot_uniform_
from .scoped import current_pass, name_scope
from .scoped_collections import get_collection
from .scoped_scopes import VariableScope, get_variable_scope, variable_scope


def get_variable(
    name: str,
    shape: Any = None,
    dtype: torch.dtype | None = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool | None = None,
    collections: Sequence[str] | None = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: Any = None,
    custom_getter: Any = None,
    constraint: Any = None,
) -> Any:
    """tf.get_variable: the parameter of that name in the current scope, made if it is new."""
    scope = get_variable_scope()
    getter = scope.custom_getter if custom_getter is None else custom_getter
    arguments = {
        "name": f"{scope.name}/{name}" if scope.name else name,
        "shape": shape,
        "dtype": scope.dtype if dtype is None else dtype,
        "initializer": scope.initializer if initializer is None else initializer,
        "regularizer": scope.regularizer if regularizer is None else regularizer,
        "reuse": scope.reuse,
        "trainable": True if trainable is None else trainable,
        "collections": collections,
        "caching_device": caching_device,
        "partitioner": scope.partitioner if partitioner is None else partitioner,
        "validate_shape": validate_shape,
        "use_resource": use_resource,
        "constraint": scope.constraint if constraint is None else constraint,
    }
    with name_scope(None):
        if getter is None:
            return find_or_make(**arguments)
        arguments.update(synchronization=None, aggregation=None)
        for key in ("constraint", "synchronization", "aggregation"):
            if not _accepts(getter, key):  # getters may be older than these
                del arguments[key]
        return getter(getter=find_or_make, **arguments)


def find_or_make(
    name: str,
    shape: Any = None,
    dtype: torch.dtype = torch.float32,
    initializer: Any = None,
    regularizer: Any = None,
    reuse: Any = None,
    trainable: bool | None = True,
    collections: Sequence[str] | None = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: Any = None,
    constraint: Any = None,
    synchronization: Any = None,
    aggregation: Any = None,
) -> torch.Tensor:
    """The variable of that full name, whatever the scope; what a custom getter calls."""
    run = current_pass()
    if initializer is not None and not callable(initializer) and shape is not None:
        raise ValueError("If initializer is a constant, do not specify shape.")
    sizes = None if shape is None else _sizes(shape)
    if name in run.made:
        if reuse is False:
            raise ValueError(
                f"Variable {name} already exists, disallowed. "
                "Did you mean to set reuse=True or reuse=AUTO_REUSE in the variable scope?"
            )
        return _checked(run.made[name], name, sizes, run.module.variable_dtype(dtype))
    trainable = trainable is None or bool(trainable)
    unique = run.unique_name(name)
    known = run.module.variable_names.get(name, unique)
    found = (
        run.module.find_variable(known, trainable) if name in run.module.variable_names else None
    )
    if found is not None:
        _checked(found, name, sizes, run.module.variable_dtype(dtype))
    elif reuse is True:
        raise ValueError(
            f"Variable {name} does not exist, or was not created with get_variable(). "
            "Did you mean to set reuse=AUTO_REUSE in the variable scope?"
        )
    else:
        value = _initial(name, sizes, run.module.variable_dtype(dtype), initializer)
        found = run.module.make_variable(known, value, trainable)
        run.module.variable_names[name] = known
        if sizes is not None and list(found.shape) != sizes:
            raise ValueError(f"Variable {name}: shape {sizes}, value {tuple(found.shape)}")
    run.made[name] = found
    run.collect_variable(found, known, trainable, collections)
    if constraint is not None:
        keep_constraint(found, constraint)
    if regularizer is not None and reuse is not True:
        loss = regularizer(found)
        if loss is not None:
            run.collect("regularization_losses", loss, f"{known}/Regularizer/")
    return found


def get_local_variable(name: str, *args: Any, **kwargs: Any) -> Any:
    """tf.get_local_variable: one that is not trained and not among the global ones."""
    kwargs["collections"] = [*(kwargs.get("collections") or []), "local_variables"]
    return get_variable(name, *args, **{**kwargs, "trainable": False})


def variable(
    initial_value: Any,
    name: str | None = None,
    trainable: bool = True,
    dtype: torch.dtype | None = None,
    collections: Sequence[str] | None = None,
    constraint: Any = None,
) -> torch.Tensor:
    """tf.Variable: a new variable in the name scope; initial_value may be a function of nothing."""
    run = current_pass()
    scope = run.name_scope
    name = run.unique_name(f"{scope}/{name or 'Variable'}" if scope else name or "Variable")
    found = run.module.find_variable(name, trainable)
    if found is None:
        found = run.module.make_variable(
            name, lambda: _as_variable(initial_value, dtype), trainable
        )
    elif not callable(initial_value):
        _checked(found, name, list(np.shape(initial_value)), None)
    run.collect_variable(found, name, trainable, collections)
    if constraint is not None:
        keep_constraint(found, constraint)
    return found


class Template:
    """What make_template returns: its first call in a pass makes variables, later ones reuse."""

    def __init__(self, name: str, function: Any, unique_name: str | None, getter: Any) -> None:
        self.name, self.func = name, function
        self.unique_name, self.custom_getter = unique_name, getter
        self.run: Any = None
        self.variable_scope: VariableScope | None = None
        self.was_called = False

    def begin(self, at_once: bool) -> None:
        """Forget what an earlier pass made of the template."""
        self.run = current_pass().token
        self.variable_scope, self.was_called = None, False
        if at_once:
            with variable_scope(
                self.unique_name, self.name, custom_getter=self.custom_getter
            ) as self.variable_scope:
                pass

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.run is not current_pass().token:
            self.begin(at_once=self.run is not None and self.variable_scope is not None)
        if self.variable_scope is None:
            opened = variable_scope(self.unique_name, self.name, custom_getter=self.custom_getter)
        else:
            opened = variable_scope(self.variable_scope, reuse=self.was_called)
        with opened as scope:
            self.variable_scope = self.variable_scope or scope
            before = len(get_collection("trainable_variables"))
            result = self.func(*args, **kwargs)
            if self.was_called and len(get_collection("trainable_variables")) > before:
                raise ValueError(
                    "Trainable variable created when calling a template after the first time, "
                    "perhaps you used tf.Variable when you meant tf.get_variable"
                )
            self.was_called = True
            return result

    @property
    def variables(self) -> list[torch.Tensor]:
        """The variables that its calls in this pass made."""
        return self.variable_scope.global_variables() if self.variable_scope else []

    @property
    def trainable_variables(self) -> list[torch.Tensor]:
        """Those of them that are trained."""
        return self.variable_scope.trainable_variables() if self.variable_scope else []


def make_template(
    name_: str,
    func_: Callable[..., Any],
    create_scope_now_: bool = False,
    unique_name_: str | None = None,
    custom_getter_: Any = None,
    **kwargs: Any,
) -> Template:
    """tf.make_template: a function that makes variables once and then shares them."""
    template = Template(
        name_, functools.partial(func_, **kwargs) if kwargs else func_, unique_name_, custom_getter_
    )
    if create_scope_now_:
        template.begin(at_once=True)
    return template


def keep_constraint(variable: Any, constraint: Callable[[torch.Tensor], Any]) -> None:
    """Project the variable after each step of an optimizer that trains it."""
    variable.constraint = constraint
    if not _CONSTRAINTS:
        _CONSTRAINTS.append(register_optimizer_step_post_hook(_project))


_CONSTRAINTS: list[Any] = []


def _project(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
    with torch.no_grad():
        for parameter in (p for group in optimizer.param_groups for p in group["params"]):
            if parameter.grad is not None and hasattr(parameter, "constraint"):
                parameter.copy_(parameter.constraint(parameter))


def _accepts(function: Any, argument: str) -> bool:
    code = getattr(function, "__code__", None)
    if code is None:
        parameters = inspect.signature(function).parameters
        return argument in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return argument in names or bool(code.co_flags & inspect.CO_VARKEYWORDS)


def _sizes(shape: Any) -> list[int]:
    return [int(size) for size in shape] if np.ndim(shape) else [int(shape)]


def _checked(
    found: torch.Tensor, name: str, sizes: list[int] | None, dtype: torch.dtype | None
) -> torch.Tensor:
    """The variable that is shared, if it is what the caller takes it for."""
    if sizes is not None and list(found.shape) != sizes:
        raise ValueError(
            f"Trying to share variable {name}, but specified shape {tuple(sizes)} "
            f"and found shape {tuple(found.shape)}."
        )
    if dtype is not None and dtype != found.dtype:
        raise ValueError(
            f"Trying to share variable {name}, but specified dtype {dtype} "
            f"and found dtype {found.dtype}."
        )
    return found


def _initial(
    name: str, sizes: list[int] | None, dtype: torch.dtype, initializer: Any
) -> Callable[[], torch.Tensor]:
    """The first value of a variable, as a function."""
    if isinstance(initializer, type):
        initializer = initializer()
    if sizes is not None and initializer is None:
        if dtype.is_floating_point:
            return lambda: glorot_uniform_(torch.empty(sizes, dtype=dtype))
        return lambda: torch.zeros(sizes, dtype=dtype)
    if initializer is None:
        raise ValueError(f"Variable {name} did not get an initializer, so it must have a shape.")
    if sizes is None or not callable(initializer):
        return lambda: _as_variable(initializer, None)
    options: dict[str, Any] = {"dtype": dtype}
    parameters = inspect.signature(initializer).parameters
    if next(iter(parameters), "") == "tensor":  # as torch's own: it fills what it is given
        return lambda: initializer(torch.empty(sizes, dtype=dtype))
    if "partition_info" in parameters:
        options["partition_info"] = None
    return lambda: torch.as_tensor(initializer(list(sizes), **options))


def _as_variable(value: Any, dtype: torch.dtype | None) -> torch.Tensor:
    """A value, or what a function of nothing gives, as TensorFlow would type it."""
    value = value() if callable(value) else value
    if dtype is None and not hasattr(value, "dtype"):
        integers = np.asarray(value).dtype.kind in "iu"
        dtype = torch.int32 if integers else None
    return torch.as_tensor(value, dtype=dtype)
