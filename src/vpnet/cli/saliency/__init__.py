"""`vpnet saliency`: what is done with files of saliency maps."""
