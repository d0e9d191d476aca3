"""Gradient delays of radial scans."""
