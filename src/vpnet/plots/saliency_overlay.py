"""A film of a video with its saliency over it, and where everyone looked."""

import math
from collections.abc import Iterator
from typing import Protocol

import matplotlib
import torch
from rich.progress import track
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.equirectangular import pixel_from_direction
from vpnet.saliency.viewing import VideoViewing
from vpnet.video.decoders import DecodingError, FrameReader, resize_frames
from vpnet.video.video_file import VideoFile, video_writer

_TOLERANCE_S = 1e-3
_DOT_SHARE = 1 / 160
"""Radius of a dot as a share of the image's width."""


class TimedMaps(Protocol):
    """The maps of one video."""

    times_s: Tensor
    """Playback times, ascending, ``(maps,)``."""

    def maps(self, rows: slice) -> Tensor:
        """Some maps, in [0, 1], ``(rows, height, width)``."""
        ...


class Overlay:
    """Draws the map displayed at a time, and the viewers, on frames.

    A pixel takes on the map's colour as far as it is salient: where nobody is expected to look the
    frame stays as it is. Before the first map it is untouched.

    Args:
        maps: The video's maps.
        height: Rows of the film.
        width: Columns of it.
        colors: Name of a matplotlib colormap.
        opacity: Of the colour where saliency is 1, in [0, 1].
        viewing: Where the viewers looked, or None.
        viewing_rate_hz: Its steps per second.

    Raises:
        InputError: There is no such colormap, or the opacity is out of range.
    """

    def __init__(
        self,
        maps: TimedMaps,
        height: int,
        width: int,
        colors: str = "turbo",
        opacity: float = 0.6,
        viewing: VideoViewing | None = None,
        viewing_rate_hz: float = 30.0,
    ) -> None:
        if colors not in matplotlib.colormaps:
            raise InputError(f"--colors must name a colormap of matplotlib, got {colors!r}")
        if not 0 <= opacity <= 1:
            raise InputError(f"--opacity must be from 0 to 1, got {opacity}")
        self.height = height
        self.width = width
        self.opacity = opacity
        self._maps = maps
        self._viewing = viewing
        self._viewing_rate_hz = viewing_rate_hz
        table = matplotlib.colormaps[colors](torch.linspace(0, 1, 256).numpy())
        self._colors = torch.from_numpy(table[:, :3] * 255).float()
        self._standing = -1
        self._colored = torch.zeros(3, height, width)
        self._strength = torch.zeros(height, width)
        self._dot, self._ring = _disc(max(2.0, width * _DOT_SHARE))

    def draw(self, frame: Tensor, time_s: float) -> Tensor:
        """A frame with what is known of its time.

        Args:
            frame: uint8, ``(3, height, width)``.
            time_s: Its playback time.

        Returns:
            Of the same shape.
        """
        row = int(torch.searchsorted(self._maps.times_s, time_s + _TOLERANCE_S, right=True)) - 1
        drawn = frame
        if row >= 0:
            if row != self._standing:
                self._take_up(row)
            mixed = torch.lerp(frame.float(), self._colored, self._strength)
            drawn = mixed.round_().clamp_(0, 255).to(torch.uint8)
        if self._viewing is not None:
            drawn = self._mark_viewers(drawn.clone(), self._viewing, time_s)
        return drawn

    def _take_up(self, row: int) -> None:
        small = self._maps.maps(slice(row, row + 1)).unsqueeze(0)
        # A column more on each side: the image continues behind its seam.
        wrapped = torch.nn.functional.pad(small, (1, 1, 0, 0), mode="circular")
        scale = self.width / small.shape[-1]
        size = (self.height, self.width + 2 * round(scale))
        large = torch.nn.functional.interpolate(wrapped, size, mode="bilinear")[0, 0]
        large = large[:, round(scale) : round(scale) + self.width].clamp(0, 1)
        self._colored = self._colors[(large * 255).round().long()].permute(2, 0, 1)
        self._strength = self.opacity * large
        self._standing = row

    def _mark_viewers(self, frame: Tensor, viewing: VideoViewing, time_s: float) -> Tensor:
        step = round(time_s * self._viewing_rate_hz)
        if step >= viewing.valid.shape[1]:
            return frame
        looked = viewing.directions[:, step][viewing.valid[:, step]]
        rows, columns = pixel_from_direction(looked, self.height, self.width)
        for offsets, shade in ((self._ring, 0), (self._dot, 255)):
            at_row = (rows.round().long().unsqueeze(1) + offsets[:, 0]).clamp(0, self.height - 1)
            at_column = (columns.round().long().unsqueeze(1) + offsets[:, 1]) % self.width
            frame[:, at_row, at_column] = shade
        return frame


def write_overlay(video: VideoFile, reader: FrameReader, overlay: Overlay, output: str) -> str:
    """Write the film, frame by frame, with the video's own timing and no sound.

    Args:
        video: The video.
        reader: Its frames.
        overlay: What is drawn on them, at the film's size.
        output: File to write, ending in .mp4.

    Returns:
        Why the film ends before the video, or nothing where it does not.

    Raises:
        InputError: Not even the first frame can be decoded, or the name ends otherwise.
    """
    frames = len(video.frame_pts)
    rate_hz = (frames - 1) / video.duration_s if frames > 1 else 1.0
    damage: list[str] = []
    with video_writer(output, overlay.width, overlay.height, rate_hz) as add:
        shown = track(_until_damage(reader, frames, damage), description=output, total=frames)
        for number, frame in enumerate(shown):
            small = resize_frames(frame.unsqueeze(0), overlay.height, overlay.width)[0].cpu()
            time_s = float(video.frame_times_s[number])
            add(overlay.draw(small, time_s), time_s)
    return "".join(damage)


def _until_damage(reader: FrameReader, frames: int, damage: list[str]) -> Iterator[Tensor]:
    """All frames that can be decoded; why they end early goes into ``damage``."""
    try:
        yield from reader.frames(range(frames))
    except DecodingError as error:
        if error.frame == 0:
            raise
        damage.append(str(error))


def _disc(radius: float) -> tuple[Tensor, Tensor]:
    """Offsets (row, column) of the pixels of a disc, and of one that shows as its rim."""
    reach = math.ceil(radius + 2)
    offsets = torch.cartesian_prod(*[torch.arange(-reach, reach + 1)] * 2)
    distance = offsets.float().norm(dim=1)
    return offsets[distance <= radius], offsets[distance <= radius + 1.5]
