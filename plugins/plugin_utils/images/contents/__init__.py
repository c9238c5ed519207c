"""What software an image holds, as its own files say, and the bill of materials that is written of it."""
