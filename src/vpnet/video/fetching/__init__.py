"""Getting the videos of a data set: a list of names and links becomes a folder of whole files."""
