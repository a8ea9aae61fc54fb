"""Collections of the graph, and the lists of its variables."""

from __future__ import annotations

from tf2torch.analyse.calls import NONE, GraphCall, Handler
from tf2torch.analyse.facts import Obj
from tf2torch.analyse.instance_reads import matches, note_read, prefix_of, scope_of
from tf2torch.analyse.regularization import note_term
from tf2torch.rulebook.values import UNKNOWN, Value


def _get_collection(call: GraphCall) -> Value:
    key = call.value(0, "key")
    name = key.literal if key is not None else None
    if key is not None and key.kind == "symbol":
        name = key.detail.rpartition(".")[2].lower()
        name = {"global_variables": "variables"}.get(name, name)
    prefix = prefix_of(call.value(1, "scope"))
    if not isinstance(name, str) or prefix is UNKNOWN:
        return Value("many", detail=Value("unknown"))
    items = list(call.state.collections.get(name, []))
    if prefix is not None:
        items = [v for v in items if matches(prefix, scope_of(v))]
    items = list(note_read(call.state, call.node, name, prefix, items))
    if name == "update_ops":
        return Value("object", detail=Obj("Collection", {"name": name, "items": tuple(items)}))
    return Value("sequence", detail=tuple(items))


def _list_variables(collection: str) -> Handler:
    def handler(call: GraphCall) -> Value:
        items = list(call.state.collections.get(collection, []))
        prefix = prefix_of(call.value(0, "scope"))
        if prefix is UNKNOWN:
            return Value("many", detail=Value("variable"))
        if prefix is not None:
            items = [v for v in items if matches(prefix, scope_of(v))]
        items = list(note_read(call.state, call.node, collection, prefix, items))
        return Value("sequence", detail=tuple(items))

    return handler


def _add_to_collection(call: GraphCall) -> Value:
    name, value = call.value(0, "name"), call.value(1, "value")
    if name is not None and value is not None:
        key = (
            name.literal
            if isinstance(name.literal, str)
            else str(name.detail).rpartition(".")[2].lower()
        )
        call.state.collections.setdefault(key, []).append(value)
        note_term(call, call.argument(1, "value").node, value)  # type: ignore[union-attr]
    return NONE


HANDLERS: dict[str, Handler] = {
    "tf.get_collection": _get_collection,
    "tf.get_collection_ref": _get_collection,
    "tf.add_to_collection": _add_to_collection,
    "tf.trainable_variables": _list_variables("trainable_variables"),
    "tf.global_variables": _list_variables("variables"),
    "tf.all_variables": _list_variables("variables"),
    "tf.local_variables": _list_variables("local_variables"),
}

METHODS: dict[str, Handler] = {"Graph.get_collection": _get_collection}
