"""The library that notebooks import: one room a noun; CONTRIBUTING.md says who may enter where."""
