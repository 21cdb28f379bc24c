"""Saliency maps for videos of any length: chunk by chunk, resumable, on any number of devices."""
