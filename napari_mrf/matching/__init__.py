"""Dictionary matchers: from fingerprints to the best atom, and on to values between the atoms."""
