//! What `tspool pipe --help` says below its options.

pub(super) const LONG: &str = "\
Settings:
  Each setting can also be given by a variable, such as TSPOOL_MAX_BYTES for
  --max-bytes; a flag beats its variable. Three defaults differ from those of
  the library. overflow is block, so that nothing is lost: a full queue stops
  the reading. sync is never, as with other pipe loggers; --sync on_rotate
  waits for the disk at each rotation. durable is off until --durable is
  given.

Levels:
  With --sync-at, or an --overflow that drops, each line has the level that it
  names near its beginning (WARN, level=warn, \"level\":\"warn\"). A line that
  names none is INFO, or WARN if it comes from a command's stderr.

Signals:
  HUP    looks whether the live file was moved or deleted, and opens a new one
         if so
  USR1   rotates
  TERM, INT without a command: takes what is in the pipe at that moment,
    writes it, and ends with 0. A second one, or --shutdown-timeout, ends at
    once with 3 and says how many records are left.
  With a command, TERM, INT, QUIT, USR2, WINCH, CONT and TSTP are passed on to
  it, unless the terminal has sent them to both. The log goes on until the
  command has ended and its pipes are closed; if others keep them open, until
  they are silent for a second. A signal that was ignored at the start stays
  ignored in the command.

Durability:
  --durable keeps what was read and not yet written in files that outlive the
  process: a ring and an intake beside it, in $RUNTIME_DIRECTORY,
  $XDG_RUNTIME_DIR or /dev/shm, or at --durable=RING. After a SIGKILL, the
  next start on the same log writes it: every line that was read from a pipe
  is in the log once. A line that was cut off goes on if stdin is the same
  pipe, and else is a line of its own. What was read from a stream that is no
  pipe has a moment in which a SIGKILL loses it. The files don't survive a
  reboot. They are removed at a clean end, except for the ring.

Exit codes:
  0 all was written; with a command, its code, or 128 and the number of the
    signal that ended it
  2 the command line or a setting can't be used
  3 the log can't be opened, input can't be read, or the end came before all
    was written
  4 records were dropped, as --overflow allows; the log says where
  126, 127 the command can't be executed, or isn't found; the log isn't
    touched";
