"""The published networks: one architecture per file, one line each in `zoo`.

Fingerprint-wise networks take (N, 2, T), real and imaginary part, and give (N, M); image-wise
ones take (N, 2, T, H, W). What goes in is normalized, what comes out are maps scaled to 0-1 over
their range: both are part of the weights, not of the architecture.
"""
