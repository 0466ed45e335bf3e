"""What every room uses: errors, files, formats, logs, credentials, the run, text from outside made safe."""
