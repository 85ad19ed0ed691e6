"""Does a reviewer like what she writes about? A small pretrained transformer, its top layers taught on film reviews."""
