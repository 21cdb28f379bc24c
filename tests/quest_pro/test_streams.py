import numpy as np
import polars as pl
import torch
from scipy.spatial.transform import Rotation

from vpnet.quest_pro.streams import head_orientation


def test_exchanged_axes_are_no_matter_of_a_sign(quest_pro_tables):
    """Near the horizon the wrong axes look nearly right, whatever the sign."""
    elevation_deg = 6 * np.sin(np.arange(len(quest_pro_tables["head"])) / 8)
    level_deg = np.zeros_like(elevation_deg)
    angles_deg = np.stack((level_deg, -elevation_deg, elevation_deg / 3), axis=1)
    x, y, z, w = Rotation.from_euler("YXZ", angles_deg, degrees=True).as_quat().T
    names = (f"UnitQuaternion.{axis}" for axis in "zyxw")
    columns = [pl.Series(name, value) for name, value in zip(names, (x, y, z, w), strict=True)]
    euler = {"EulerYaw": angles_deg[:, 0], "EulerPitch": angles_deg[:, 1]}
    head = quest_pro_tables["head"].with_columns(
        *columns, *(pl.Series(name, value) for name, value in euler.items())
    )
    findings = []
    head_orientation(head, torch.arange(len(head)), "head.csv", findings)
    assert [finding.code for finding in findings] == ["euler_disagrees"]
