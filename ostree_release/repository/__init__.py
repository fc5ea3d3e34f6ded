"""The only rooms that touch libostree: plain data in and out, its errors as one line of refusal."""
