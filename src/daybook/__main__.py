"""Where the `daybook` command begins: Ctrl-C while modules are loaded ends it, without a traceback."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from daybook import cli  # it takes its time

if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
    signal.signal(signal.SIGINT, signal.default_int_handler)

main = cli.main

if __name__ == "__main__":
    main()
