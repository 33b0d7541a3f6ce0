"""Files: written whole or not at all, histories of JSON lines, pictures, run folders."""
