"""The datamodule says what its data are not good for."""

import json
import logging

import pytest

from vpnet.dataset.data_warnings import warn_of_strangers
from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import CrossUser, CrossVideo, SplitFile
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.fitted_sources import Behavioural


@pytest.mark.parametrize(
    ("setting", "sources"),
    [("crowd=true", {"crowd": Crowd()}), ("saliency=behavioural", {"saliency": Behavioural()})],
)
def test_others_that_nobody_watched_with_are_named(
    setting, sources, make_cohort, make_task, caplog
):
    recordings = make_cohort(users=4, videos=5, duration_s=8.0, gaze=True)
    for split, warned in ((CrossVideo(), True), (CrossUser(0.25, 0.25), False)):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            ViewportDataModule(recordings, split, make_task(), **sources)
        assert (f"{setting}: nobody of the training part watched" in caplog.text) == warned


def test_users_whom_a_model_has_not_met_are_named(caplog):
    with caplog.at_level(logging.WARNING):
        warn_of_strangers(["ada", "bob"], ["bob", "bob"])
        assert not caplog.text
        warn_of_strangers(["ada", "bob"], ["bob", "zoe", "zoe"])
    assert "user_embed=true: 1 of 2 users who are tested did not train the model" in caplog.text


@pytest.mark.parametrize(("rate_hz", "warned"), [(3.0, True), (4.8, False), (20.0, False)])
def test_recordings_slower_than_the_task_are_named(rate_hz, warned, make_cohort, make_task, caplog):
    recordings = make_cohort(users=3, videos=1, duration_s=9.0, rate_hz=rate_hz)
    with caplog.at_level(logging.WARNING):
        ViewportDataModule(recordings, CrossUser(), make_task())
    message = "about 3 samples a second, task tiny needs 5: history steps are interpolated"
    assert (message in caplog.text) == warned
    assert warned or not caplog.text


@pytest.mark.parametrize(
    ("name", "value"), [("sampling_rate_hz", 10), ("horizon_s", 5.0), ("anchor_stride_s", 0.5)]
)
def test_another_protocol_than_the_files_is_named(
    name, value, make_cohort, make_task, tmp_path, caplog
):
    users = {"train": ["u0"], "val": ["u1"], "test": ["u2"]}
    protocol = {"sampling_rate_hz": 5, "horizon_s": 2.0, "anchor_stride_s": 1.0}
    recordings = make_cohort(users=3, videos=1, duration_s=6.0)
    path = tmp_path / "split.json"
    for changed in (False, True):
        content = {"users": users, **protocol, **({name: value} if changed else {})}
        path.write_text(json.dumps(content))
        with caplog.at_level(logging.WARNING):
            ViewportDataModule(recordings, SplitFile(path), make_task())
        assert (f"was written for {name} = {value:g}, the task has" in caplog.text) == changed
