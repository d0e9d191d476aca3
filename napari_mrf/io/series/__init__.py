"""Series in and out: frames in one or many files, real and imaginary pairs, sidecars."""
