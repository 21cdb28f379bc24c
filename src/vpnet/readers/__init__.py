"""One reader per published data set, in the layout in which its authors hand it out."""
