"""Files of saliency maps: one a video, written whole, read window by window."""
