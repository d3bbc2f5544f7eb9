"""The library that notebooks import: one room a noun, the ground floor first. CONTRIBUTING.md says who may enter where."""
