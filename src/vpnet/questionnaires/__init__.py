"""Questionnaires: the questions, the files of the answers, and their encoding."""
