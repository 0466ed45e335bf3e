"""Perplexity, agreement and KL divergence beside the whole distributions in numpy."""

import numpy as np
import pytest

from understudy.models.predictions import (
    PredictionError,
    agreement,
    checked_predictions,
    compared,
    divergences,
    joined,
    row_losses,
)

POSITIONS, VOCABULARY = 40, 500


@pytest.fixture
def generator():
    return np.random.default_rng(5)


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def predictions(logprobs, kept, targets=None):
    tokens = np.argpartition(-logprobs, kept - 1, axis=1)[:, :kept]
    targets = np.zeros(len(logprobs), int) if targets is None else targets
    of_targets = logprobs[np.arange(len(logprobs)), targets]
    return checked_predictions(of_targets, tokens, np.take_along_axis(logprobs, tokens, axis=1), "here")


def whole_divergences(p, q):
    return (np.exp(p) * (p - q)).sum(axis=1)


@pytest.fixture
def distributions(generator):
    """Log probabilities of a sharp model and of the same one, disturbed; shape (positions, vocabulary)."""
    logits = generator.normal(0, 4, (POSITIONS, VOCABULARY))
    return log_softmax(logits), log_softmax(logits + generator.normal(0, 0.3, logits.shape))


def test_with_all_tokens_kept_the_divergence_is_the_whole_one(distributions):
    p, q = distributions
    found = divergences(predictions(p, VOCABULARY), predictions(q, VOCABULARY))
    assert found == pytest.approx(whole_divergences(p, q), rel=1e-3)


def test_the_rest_as_one_takes_a_little_off_the_divergence(distributions):
    p, q = distributions
    found = divergences(predictions(p, 100), predictions(q, 100))
    whole = whole_divergences(p, q)
    assert (found <= whole + 1e-6).all()
    assert found.mean() > 0.95 * whole.mean()


def test_a_broken_model_whose_likely_tokens_are_all_others_is_far_away(generator):
    logits = generator.normal(0, 4, (POSITIONS, VOCABULARY))
    p, q = log_softmax(logits), log_softmax(logits[:, ::-1])
    found = compared(predictions(p, 20), predictions(q, 20))
    assert 2 < found.kl <= whole_divergences(p, q).mean()
    assert found.agreement < 0.1


def test_a_model_is_no_distance_from_itself(distributions):
    mine = predictions(distributions[0], 20)
    found = compared(mine, mine)
    assert (found.agreement, found.kl, found.kl_99) == (1, 0, 0)


def test_agreement_counts_the_likeliest_tokens(distributions):
    p, q = distributions
    expected = (p.argmax(axis=1) == q.argmax(axis=1)).mean()
    assert agreement(predictions(p, 20), predictions(q, 20)) == expected < 1


def test_perplexity_and_losses_are_those_of_the_targets(distributions, generator):
    logprobs, _ = distributions
    targets = generator.integers(0, VOCABULARY, POSITIONS)
    expected = -logprobs[np.arange(POSITIONS), targets]
    parts = [predictions(logprobs[part], 20, targets[part]) for part in (slice(0, 7), slice(7, None))]
    assert joined(parts).perplexity == pytest.approx(np.exp(expected.mean()), rel=1e-5)
    first, second = row_losses(parts)
    assert (first.tokens, second.tokens) == (7, POSITIONS - 7)
    assert first.loss == pytest.approx(expected[:7].sum(), rel=1e-5)
    assert second.loss == pytest.approx(expected[7:].sum(), rel=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_a_number_is_refused(distributions, value):
    logprobs = distributions[0].copy()
    logprobs[3] = value
    with pytest.raises(PredictionError, match="here: the model computes NaN or infinite logits"):
        predictions(logprobs, 20)
