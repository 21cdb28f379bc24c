"""What can be wrong with a recording or a study that is readable: each rule beside its check.

`recording` checks any recording, `quest_pro` the tables of a headset besides, `study` all
recordings of a study together. `rules` lists every rule there is.
"""
