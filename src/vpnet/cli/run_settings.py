"""The settings of a run of train.py that belong to no group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from vpnet.settings import NonNegative, Seed, checked

FACE_FEATURES = (
    "Brow_Lowerer_L",
    "Jaw_Drop",
    "Eyes_Look_Down_L",
    "Eyes_Look_Right_L",
    "FaceActivity",
)


@checked
@dataclass(frozen=True)
class RunSettings:
    """What train.py does, apart from its groups.

    Args:
        seed: Seeds everything: initial weights, order of batches, dropout.
        user_embed: Learn a vector per user (fusion, muse_vp).
        crowd: Attend to where the training viewers of the same video looked (fusion, lstm, star_vp,
            muse_vp).
        saliency_lookahead_s: How far ahead of the anchor saliency and crowd are known, in seconds.
            null: the whole video is known; 0: live video.
        map_every_s: Distance in seconds between the saliency maps that fusion looks at, up to the
            last horizon; the first lies this far ahead of the anchor.
        saliency_weighting: How salient points are chosen from a map (star_vp and its kin): by the
            map's values as published (none), or weighted by the solid angle of a pixel.
        face_features: Features of the face by name; a "+" joins names whose mean is one feature.
            [] for none.
        fit: Train; false only evaluates the checkpoint.
        checkpoint: File of a checkpoint to evaluate (fit=false), to start from, or whose training
            resumes (resume=true).
        lstm_checkpoint: File of a checkpoint of model=lstm; star_vp or muse_vp starts with its
            LSTM, which trains much faster alone.
        resume: Resume the training of the checkpoint, optimizer and epoch included.
        skip_short: Leave out recordings too short for one window instead of refusing the data.
        num_workers: Processes that load windows; 0 loads in the main process, which is fastest
            without saliency files.
        bootstrap_draws: Draws of the bootstrap over users behind every interval.
    """

    seed: Seed = 0
    user_embed: bool = True
    crowd: bool = False
    saliency_lookahead_s: NonNegative | None = None
    map_every_s: Annotated[float, Field(ge=0.1)] = 1.0
    saliency_weighting: Literal["none", "solid_angle"] = "none"
    face_features: Sequence[str] = FACE_FEATURES
    fit: bool = True
    checkpoint: str | None = None
    lstm_checkpoint: str | None = None
    resume: bool = False
    skip_short: bool = False
    num_workers: Annotated[int, Field(ge=0, le=1024)] = 0
    bootstrap_draws: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
