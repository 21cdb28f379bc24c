"""The forecasters, plain `torch.nn.Module`: window in, directions at the horizons out."""
