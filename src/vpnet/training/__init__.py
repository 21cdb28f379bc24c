"""Fitting a forecaster: the loss, the LightningModule, checkpoints that stand alone."""
