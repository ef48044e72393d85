"""YAML files of settings, read into checked dataclasses: every mistake at its line. Imports no Beam and no torch."""
