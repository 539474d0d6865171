"""One model after another with scikit-learn's MLPClassifier: the same minibatches and learning rates, but it has no
batch norm and its own initial weights, so that its losses cannot be compared: less work a step, for orientation."""
import time
import warnings

import sklearn
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

import common


def train(case, x, y, rate):
    model = MLPClassifier((case.width, case.width), solver="adam", alpha=0, batch_size=case.batch, max_iter=1,
                          learning_rate_init=rate, beta_1=case.beta1, beta_2=case.beta2, epsilon=case.epsilon,
                          shuffle=False, random_state=0)
    model.fit(x, y)


def main():
    a = common.arguments(__doc__, devices=("cpu",))
    case = common.Case(a.case)
    order = case.order.reshape(-1)
    x, y = case.x[order], case.y[order]
    warnings.filterwarnings("ignore")  # that one epoch has not converged is known
    with threadpool_limits(a.threads):
        train(case, x[:2560], y[:2560], 1e-3)
        start = time.perf_counter()
        for rate in case.rates:
            train(case, x, y, float(rate))
        seconds = time.perf_counter() - start
    common.report(case, "scikit-learn, without batch norm", sklearn.__version__, a, seconds, None, processes=1)


main()
