"""What predict.py does: viewports from a checkpoint, saliency from videos."""
