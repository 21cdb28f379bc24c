"""Made-up windows of any shape: every stream, random masks, random maps."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.geometry.directions import direction_from_angles, normalize
from vpnet.models.fusion import Fusion


@pytest.fixture
def make_spec() -> Callable[..., WindowSpec]:
    """Function that describes windows: 5 Hz, history 1.6 s, three horizons, all streams."""

    def make(**arguments: Any) -> WindowSpec:
        defaults: dict[str, Any] = {
            "sampling_rate_hz": 5,
            "history_steps": 8,
            "horizon_steps": (1, 3, 5),
            "users": 4,
            "face_features": 2,
            "has_gaze": True,
            "has_face": True,
            "has_saliency": True,
            # Two maps: the second for the last horizon.
            "map_every_s": 0.4,
            "answers": 3,
            "has_answers": True,
            "has_crowd": True,
        }
        return WindowSpec(**(defaults | arguments))

    return make


@pytest.fixture
def make_window() -> Callable[..., ViewportWindow]:
    """Function that makes a batch for a spec; the history is measured, the rest in part."""

    def make(
        spec: WindowSpec,
        batch: int = 6,
        *,
        seed: int = 0,
        maps: int = 2,
        viewers: int = 5,
        map_height: int = 24,
        lost_share: float = 0.2,
        dtype: torch.dtype = torch.float32,
    ) -> ViewportWindow:
        generator = torch.Generator().manual_seed(seed)
        steps = spec.history_steps + max(spec.horizon_steps)

        def noise(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=dtype)

        def mask(present: bool, *shape: int) -> Tensor:
            return (torch.rand(*shape, generator=generator) >= lost_share) & present

        yaw_rad = 3 * noise(batch, 1) + (0.1 * noise(batch, steps)).cumsum(1)
        elevation_rad = 0.4 * torch.sin(noise(batch, 1) + (0.1 * noise(batch, steps)).cumsum(1))
        path = direction_from_angles(yaw_rad, elevation_rad)
        history = path[:, : spec.history_steps]
        shape = (batch, spec.history_steps)
        offset_deg = 8 * noise(*shape, 2)
        crowd_steps = spec.history_steps + len(spec.horizon_steps)
        crowd_generator = torch.Generator().manual_seed(seed + 2)
        crowd_shape = (batch, viewers if spec.has_crowd else 0, crowd_steps)
        crowd = torch.randn(*crowd_shape, 3, generator=crowd_generator, dtype=dtype)
        crowd_valid = torch.rand(crowd_shape, generator=crowd_generator) >= lost_share
        view_generator = torch.Generator().manual_seed(seed + 3)
        points = torch.randn(maps, 16, 4, generator=view_generator, dtype=dtype)
        points = torch.cat((normalize(points[..., :3]), points[..., 3:].sigmoid()), dim=-1)
        shape_of_index = (batch, len(spec.saliency_times_s))
        index = torch.full(shape_of_index, -1)
        if maps and spec.has_saliency:
            index = torch.randint(-1, maps, shape_of_index, generator=view_generator)
        answer_generator = torch.Generator().manual_seed(seed + 1)
        answered = torch.rand(batch, spec.answers, generator=answer_generator, dtype=dtype) - 0.2
        return ViewportWindow(
            history_directions=history,
            history_valid=torch.ones(shape, dtype=torch.bool),
            history_roll_rad=0.1 * noise(*shape),
            gaze_directions=normalize(history + 0.1 * noise(*shape, 3)),
            gaze_offset_deg=torch.cat((offset_deg, offset_deg.norm(dim=-1, keepdim=True)), dim=-1),
            is_fixating=(noise(*shape) > 0).to(dtype),
            fixation_duration_s=noise(*shape).abs(),
            gaze_valid=mask(spec.has_gaze, *shape),
            face=noise(*shape, spec.face_features).sigmoid(),
            face_valid=mask(spec.has_face, *shape),
            saliency_maps=3 * noise(maps, map_height, 2 * map_height).sigmoid(),
            saliency_points=points,
            saliency_index=index,
            crowd_directions=normalize(crowd) * crowd_valid.unsqueeze(-1),
            crowd_valid=crowd_valid,
            answers=answered.clamp(min=0),
            answers_valid=(answered >= 0) & spec.has_answers,
            user_index=torch.randint(0, spec.users + 1, (batch,), generator=generator),
            future_directions=path[:, [spec.history_steps - 1 + h for h in spec.horizon_steps]],
            future_valid=mask(True, batch, len(spec.horizon_steps)),
            recording_index=torch.randint(0, 3, (batch,), generator=generator),
            anchor_step=torch.randint(8, 99, (batch,), generator=generator),
        )

    return make


@pytest.fixture
def make_fusion(make_spec, stir) -> Callable[..., Fusion]:
    """Function that makes a small fusion model off its start, ready to predict."""

    def make(spec: WindowSpec | None = None, **options: Any) -> Fusion:
        torch.manual_seed(0)
        model = Fusion(spec or make_spec(), **({"width": 32} | options)).eval()
        stir(model, 0.15)
        return model

    return make


@pytest.fixture
def turn() -> Callable[[Tensor, float], Tensor]:
    """Function that turns directions to the right about the vertical axis, by radians."""

    def about_y(directions: Tensor, angle_rad: float) -> Tensor:
        angle = torch.tensor(angle_rad, dtype=directions.dtype)
        x, y, z = directions.unbind(dim=-1)
        cosine, sine = torch.cos(angle), torch.sin(angle)
        return torch.stack((cosine * x + sine * z, y, cosine * z - sine * x), dim=-1)

    return about_y
