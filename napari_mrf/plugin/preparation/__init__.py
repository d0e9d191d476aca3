"""Compiled code, made once on a machine and beside the window, before it is needed."""
