"""What `tools/packaging.py` runs in environments of their own, with nothing but the wheel and some extras installed.

Each is a program that fails when its extra does not do what it is for. None imports another one, or the project.
"""
