"""Fitting a forecaster: the loss, the LightningModule, stages, optimizers and schedules."""
