"""The mapping file: read, checked, and compiled to rules, values and expressions."""
