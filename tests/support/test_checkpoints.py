"""Checkpoint names, rotation and the `checkpoint` file against tf.train.Saver."""

from __future__ import annotations

import os

import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import checkpoints as support

STATE = {"model": {"weight": torch.arange(3.0)}, "step": 7}


def tf_saves(folder, steps, **options):
    """The `checkpoint` file and the returned paths of TensorFlow's own saver."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.Variable(1.0)
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver(**options)
        paths = [saver.save(session, f"{folder}/model.ckpt", step) for step in steps]
        kept = [n[:-6] for n in sorted(os.listdir(folder)) if n.endswith(".index")]
        with open(f"{folder}/checkpoint") as file:
            return file.read(), paths, kept, saver.last_checkpoints


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("keep", [2, 5, 0])
@pytest.mark.parametrize("steps", [[1, 2, 3, 30], [None, None], [4, 4, 5]])
def test_files_are_named_and_rotated_alike(tmp_path, monkeypatch, relative, keep, steps):
    monkeypatch.chdir(tmp_path)
    text = []
    for kind in ("tf", "torch"):
        folder = "out" if relative else str(tmp_path / "out")
        os.makedirs(folder)
        if kind == "tf":
            expected = tf_saves(folder, steps, max_to_keep=keep)
        else:
            saver = support.CheckpointSaver(max_to_keep=keep)
            paths = [saver.save(STATE, f"{folder}/model.ckpt", step) for step in steps]
            kept = [n[:-3] for n in sorted(os.listdir(folder)) if n.endswith(".pt")]
            with open(f"{folder}/checkpoint") as file:
                assert (file.read(), paths, kept) == expected[:3]
            if keep:
                assert saver.last_checkpoints == expected[3]
            state = tf.train.get_checkpoint_state(folder)
            ours = support.get_checkpoint_state(folder)
            assert ours.model_checkpoint_path == state.model_checkpoint_path
            assert ours.all_model_checkpoint_paths == list(state.all_model_checkpoint_paths)
            assert support.latest_checkpoint(folder) == paths[-1]
        os.rename(folder, tmp_path / kind)
        text.append(folder)


def test_state_round_trip(tmp_path):
    saver = support.CheckpointSaver()
    path = saver.save(STATE, tmp_path / "model", global_step=torch.tensor(3))
    assert path == str(tmp_path / "model-3") and support.checkpoint_exists(path)
    restored = saver.restore(support.latest_checkpoint(tmp_path))
    assert restored["step"] == 7
    torch.testing.assert_close(restored["model"]["weight"], STATE["model"]["weight"])
    assert support.load_checkpoint(path + ".pt").keys() == restored.keys()


def test_nothing_saved(tmp_path):
    assert support.get_checkpoint_state(tmp_path) is None
    assert support.latest_checkpoint(tmp_path / "absent") is None
    support.write_checkpoint_state(str(tmp_path), "gone-1", [])
    assert support.get_checkpoint_state(tmp_path).model_checkpoint_path.endswith("gone-1")
    assert support.latest_checkpoint(tmp_path) is None


def test_one_is_kept_every_n_hours(tmp_path, monkeypatch):
    clock = iter(range(0, 100000, 2000))
    monkeypatch.setattr(support.time, "time", lambda: float(next(clock)))
    saver = support.CheckpointSaver(max_to_keep=1, keep_checkpoint_every_n_hours=1.0)
    for step in range(6):
        saver.save(STATE, tmp_path / "m", step)
    assert sorted(p.stem for p in tmp_path.glob("*.pt")) == ["m-1", "m-3", "m-5"]
