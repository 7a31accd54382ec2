"""Runs a command on a terminal of its own and types a line after each prompt.

Arguments: the number of lines, the lines, the command. The script writes what the terminal showed
to standard output, and exits with the exit code of the command.
"""

import os
import pty
import sys

count = int(sys.argv[1])
lines, command = sys.argv[2 : 2 + count], sys.argv[2 + count :]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
shown, seen = b"", 0
try:
    while chunk := os.read(terminal, 1024):
        shown += chunk
        if lines and b": " in shown[seen:]:
            seen = len(shown)
            os.write(terminal, lines.pop(0).encode() + b"\r")
except OSError:
    pass  # The command has ended.
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
