"""Questions with answers: windows cut from recordings, and the splits that keep them apart."""
