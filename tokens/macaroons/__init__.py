"""Macaroons without Django: `wire` is bytes and signatures, `caveats` is what restrictions mean."""
