"""The sphere of viewing directions: conventions of docs/CONVENTIONS.md, torch, batched.

World frame: x right, y up, z forward to the centre of the video frame. Yaw is positive to the
right, elevation positive up. Nothing here imports any other package of vpnet.
"""
