"""The vocabularies of the channels, as data files (see mappers/vocabulary.py)."""
