"""What a run says at its end, made of the robots' answers: nothing here prints, or opens a connection."""
