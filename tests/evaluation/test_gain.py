import math

import pytest

from vpnet.errors import InputError
from vpnet.evaluation import EvaluatedWindows, summarize
from vpnet.evaluation.gain import gain_percent, personalization_gain_percent
from vpnet.geometry.directions import interpolate_directions

STEPS_S = [step / 5 for step in range(1, 26)]


@pytest.mark.parametrize(
    ("reference_deg", "error_deg", "gain"), [(20.0, 15.0, 25.0), (20.0, 20.0, 0.0), (10, 15, -50)]
)
def test_gain_of_known_errors(reference_deg, error_deg, gain):
    assert gain_percent(reference_deg, error_deg) == gain


def test_nothing_improves_on_no_error():
    assert math.isnan(gain_percent(0.0, 1.0))


def summary_of(evaluated: EvaluatedWindows, horizons_s=STEPS_S, users=("ada", "bob")):
    return summarize(evaluated, recording_users=users, horizons_s=horizons_s, bootstrap_draws=50)


def test_halving_every_error_gains_fifty_percent(make_evaluated):
    generic = make_evaluated((4, 3), horizon=25)
    halfway = interpolate_directions(
        generic.predicted, generic.future, generic.valid.to(generic.future.dtype) / 2
    )
    personalised = EvaluatedWindows(
        halfway, generic.future, generic.valid, generic.recording_index, generic.anchor_step
    )
    gains = personalization_gain_percent(summary_of(generic), summary_of(personalised))
    assert list(gains) == [f"{h} s" for h in ("0.2", "0.5", "1", "2", "3", "4", "5")] + [
        "0.2-1 s",
        "2-5 s",
    ]
    del gains["0.5 s"]  # midway between steps, halves do not stay halves
    assert list(gains.values()) == pytest.approx([50.0] * len(gains))


def test_a_gain_needs_the_same_evaluation(make_evaluated):
    summary = summary_of(make_evaluated((4, 3), horizon=25))
    others = {
        "windows, got 7 and 6": summary_of(make_evaluated((3, 3), horizon=25)),
        "users, got": summary_of(make_evaluated((4, 3), horizon=25), users=("ada", "eve")),
        "horizons, got": summary_of(make_evaluated((4, 3), horizon=5), horizons_s=STEPS_S[:5]),
    }
    for message, other in others.items():
        with pytest.raises(InputError, match=f"same {message}"):
            personalization_gain_percent(summary, other)
