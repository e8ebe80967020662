"""The classifier of measures: logistic regression on their logarithms, as a graph of four operators."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dentline.errors import DentlineError

SMALLEST = 0.05
"""Added before the logarithm: what a photo cannot show, in percent of a part's length."""

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Inverse regularisation tried, on features of unit variance."""


@dataclass(frozen=True)
class Classifier:
    """p = sigmoid(log(measures + SMALLEST) @ kernel + bias)."""

    kernel: NDArray[np.float64]
    bias: float

    def p(self, measures: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return (n,) probabilities for (n, k) measures."""
        logit = np.log(measures.astype(np.float64) + SMALLEST) @ self.kernel + self.bias
        result: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(logit, -60, 60)))
        return result


def fit(measures: NDArray[np.float32], label: NDArray[np.float32], group: NDArray[np.str_]) -> Classifier:
    """Fit on (n, k) measures; the penalty is chosen by log loss over groups left out.

    Raises:
        DentlineError: the preparation does not end in measures.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if measures.ndim != 2:
        raise DentlineError("recipe: [prepare] steps", "end in a picture", "end them with centre_line")
    y = label.astype(int)
    n_folds = min(4, *(len(np.unique(group[y == kind])) for kind in (0, 1)))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=3.0))
    x = np.log(measures.astype(np.float64) + SMALLEST)
    if n_folds >= 2:
        inner = StratifiedGroupKFold(n_folds, shuffle=True, random_state=0)
        grid = {"logisticregression__C": list(STRENGTHS)}
        model = GridSearchCV(model, grid, scoring="neg_log_loss", cv=inner).fit(x, y, groups=group).best_estimator_
    else:
        model.fit(x, y)
    scaler, regression = model[0], model[1]
    kernel = regression.coef_[0] / scaler.scale_
    return Classifier(kernel, float(regression.intercept_[0] - scaler.mean_ @ kernel))


def onnx_bytes(classifier: Classifier) -> bytes:
    """Return the classifier as an ONNX file: float32 `measures` (N, k) -> `p` (N, 1)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    k = len(classifier.kernel)
    nodes = [
        helper.make_node("Add", ["measures", "smallest"], ["shifted"]),
        helper.make_node("Log", ["shifted"], ["logs"]),
        helper.make_node("Gemm", ["logs", "kernel", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["p"]),
    ]
    constants = {
        "smallest": np.array([SMALLEST], np.float32),
        "kernel": classifier.kernel.reshape(k, 1).astype(np.float32),
        "bias": np.array([classifier.bias], np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "measures",
        [helper.make_tensor_value_info("measures", TensorProto.FLOAT, ["n", k])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    found: bytes = made.SerializeToString()
    return found
