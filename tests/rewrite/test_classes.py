"""Programs whose graph is built by a class, by loops over layers, or that start anew, compared.

Each program runs under TensorFlow, its conversion from the same initial values; every fetched
value, gradient, printed line and variable has to agree. What the output looks like is held by a
few lines of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tf2torch.cli import main
from tf2torch.parity import check_pair

PROGRAMS = Path(__file__).parent / "classes"
NAMES = sorted(path.stem for path in PROGRAMS.glob("*.py"))


def converted(name: str, folder: Path) -> str:
    output = folder / f"{name}_torch.py"
    result = CliRunner().invoke(main, ["convert", str(PROGRAMS / f"{name}.py"), "-o", str(output)])
    assert result.exit_code == 0, result.output
    return output.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_both_programs_compute_the_same(name: str, tmp_path: Path) -> None:
    text = converted(name, tmp_path)
    assert "TODO" not in text
    report = check_pair(PROGRAMS / f"{name}.py", tmp_path / f"{name}_torch.py", exact=True)
    assert report, str(report)


def test_a_class_with_a_session_holds_a_model(tmp_path: Path) -> None:
    text = converted("q_network", tmp_path)
    assert (
        """
        self.model = Model(n_actions, n_features).to(device)
        self._train_op = TFRMSProp(self.model.parameters(), lr=self.lr)
"""
        in text
    )
    assert (
        """
    def choose_action(self, observation):
        observation = observation[np.newaxis, :]
        if np.random.uniform() < self.epsilon:
            s = torch.as_tensor(observation, dtype=torch.float32, device=device)
            with torch.no_grad():
                q_eval = self.model(s)
            actions_value = q_eval.cpu().numpy()
"""
        in text
    )
    assert "sess." not in text


def test_a_class_without_one_becomes_a_module(tmp_path: Path) -> None:
    text = converted("text_cnn", tmp_path)
    assert (
        """
    def __init__(self, sequence_length, num_classes, vocab_size,
                 embedding_size, filter_sizes, num_filters, l2_reg_lambda=0.0):
        super().__init__()
"""
        in text
    )
    assert "class TextCNN(nn.Module):" in text
    assert "filter_sizes=[3, 4, 5], num_filters=8, l2_reg_lambda=0.1).to(device)" in text


def test_sizes_that_run_through_a_loop(tmp_path: Path) -> None:
    text = converted("policies", tmp_path)
    assert (
        """
        in_features = 4
        for h in hidden_sizes[:-1]:
            self.dense.append(nn.Linear(in_features, h))
            nn.init.xavier_uniform_(self.dense[-1].weight)
            nn.init.zeros_(self.dense[-1].bias)
            in_features = h
        self.dense_1 = nn.Linear(in_features, hidden_sizes[-1])
"""
        in text
    )
    assert (
        """
    def forward(self, x, activation=torch.tanh):
        for index, h in enumerate(self.hidden_sizes[:-1]):
            x = activation(self.dense[index](x))
        return self.dense_1(x)
"""
        in text
    )
