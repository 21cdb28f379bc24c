"""The commands: what train.py, predict.py and `vpnet` share, and nothing that computes."""
