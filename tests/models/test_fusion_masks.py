"""What a masked stream of the fusion model holds changes nothing at all, NaN included."""

import pytest
import torch

from vpnet.dataset.window import ViewportWindow

HIDDEN_ROWS = torch.tensor([True, False, True, False, False, True])

FIELDS = {
    "eye": ("gaze_directions", "is_fixating", "fixation_duration_s"),
    "offset": ("gaze_offset_deg",),
    "face": ("face",),
    "answers": ("answers",),
    "saliency": ("saliency_maps",),
}
MASKS = {"eye": "gaze_valid", "offset": "gaze_valid", "face": "face_valid"}


def hide(window: ViewportWindow, stream: str) -> ViewportWindow:
    """Mask a stream in some of the windows; a map is hidden from all of them."""
    if stream == "saliency":
        return window._replace(saliency_index=torch.full_like(window.saliency_index, -1))
    name = MASKS.get(stream, "answers_valid")
    return window._replace(**{name: getattr(window, name) & ~HIDDEN_ROWS.unsqueeze(1)})


def spoil(window: ViewportWindow, stream: str, value: float) -> ViewportWindow:
    """Other values in the windows where `hide` masks the stream."""
    if stream == "saliency":
        return window._replace(saliency_maps=torch.full_like(window.saliency_maps, value))
    spoilt = {}
    for name in FIELDS[stream]:
        field = getattr(window, name)
        rows = HIDDEN_ROWS.reshape(-1, *[1] * (field.dim() - 1))
        spoilt[name] = field.masked_fill(rows, value)
    return window._replace(**spoilt)


@pytest.mark.parametrize("encoder", ["gru", "transformer"])
@pytest.mark.parametrize("query", ["trajectory", "saliency"])
@pytest.mark.parametrize("stream", FIELDS)
def test_a_masked_stream_changes_nothing(stream, query, encoder, make_fusion, make_window):
    model = make_fusion(questionnaire=True, query=query, encoder=encoder)
    seen = make_window(model.spec, lost_share=0.0)
    seen = seen._replace(
        saliency_index=torch.tensor([[0, 1], [1, 0], [0, 0], [1, 1], [0, 1], [1, 0]]),
        answers_valid=torch.ones_like(seen.answers_valid),
    )
    hidden = hide(seen, stream)
    expected = model.trace(hidden)
    assert (expected.directions != model(seen)).any(dim=-1).any(dim=-1)[HIDDEN_ROWS].all()
    for value in (torch.nan, torch.inf, -1e6):
        found = model.trace(spoil(hidden, stream, value))
        assert torch.equal(found.directions, expected.directions)
        for name, gate in expected.gates.items():
            assert torch.equal(found.gates[name], gate)
        if expected.saliency is not None:
            assert found.saliency is not None
            assert torch.equal(found.saliency, expected.saliency)


@pytest.mark.parametrize("query", ["trajectory", "saliency"])
@pytest.mark.parametrize("stream", ["eye", "offset", "face"])
def test_a_gate_is_closed_where_its_stream_is_masked(stream, query, make_fusion, make_window):
    model = make_fusion(query=query)
    gate = model.trace(hide(make_window(model.spec, lost_share=0.0), stream)).gates[stream]
    assert (gate[HIDDEN_ROWS] == 0).all()
    assert (gate[~HIDDEN_ROWS] > 0).all()
    assert (model.stream_gates(make_window(model.spec, lost_share=0.0))[stream] > 0).all()


@pytest.mark.parametrize("query", ["trajectory", "saliency"])
def test_a_map_that_nobody_looks_at_changes_nothing(query, make_fusion, make_window):
    model = make_fusion(query=query)
    window = make_window(model.spec)._replace(
        saliency_index=torch.tensor([[1, 1], [-1, -1], [1, -1], [-1, 1], [-1, -1], [1, 1]])
    )
    maps = window.saliency_maps.clone()
    maps[0] = torch.nan
    assert torch.equal(model(window._replace(saliency_maps=maps)), model(window))
