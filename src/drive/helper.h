/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of the user come in, and run with the user's own rights in a process that was forked before
 * finwait gave up its own; what became of them goes out. A process has one helper. */
#ifndef FINWAIT_DRIVE_HELPER_H
#define FINWAIT_DRIVE_HELPER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/address.h"

enum {
	HELPER_COMMANDS = 16,  /* that can be registered */
	HELPER_RUNNING = 1024, /* that can be started and not yet stopped */
};

enum helper_how {
	HELPER_EXITED,      /* `value` is its exit status */
	HELPER_KILLED,      /* by the signal `value` */
	HELPER_WANTS_TTY,   /* stopped by the signal `value`, since it may not use the terminal */
	HELPER_NOT_STARTED, /* `value` is an errno */
	HELPER_GONE,        /* nobody knows: the helper itself has ended */
};

struct helper_end {
	unsigned number;
	enum helper_how how;
	int value;
};

/* Before privileges, signals or descriptors are changed in any way. 0, or -1 with a sentence in `why`. */
int helper_fork(char *why, size_t why_len);

/* Tells the helper a command (see template.h), for use by *index. One that talks has its standard input and
 * output with finwait; others read from /dev/null and write to standard error. 0, or -1 with a sentence in
 * `why`. */
int helper_register(const char *text, bool talks, size_t *index, char *why, size_t why_len);

/* After the last helper_register(), before anything is read from the network: from now on the helper takes
 * no more commands, whoever asks. 0, or -1 with a sentence in `why`. */
int helper_seal(char *why, size_t why_len);

/* Starts a command in a process group of its own. fds, only used for one that talks, receives where to read
 * what it writes and where to write what it reads, nonblocking, the caller's to close. *number names it from
 * then on, until helper_stop(). 0, or -1 with a sentence in `why`. */
int helper_start(size_t index, const struct endpoint *fill, int fds[2], unsigned *number, char *why,
		 size_t why_len);

/* Readable when there is something for helper_look(); -1 without a helper. */
int helper_fd(void);
/* Takes in what the helper has told; never blocks. */
void helper_look(void);
/* Whether the command has ended, as far as helper_look() knows. What it left running in the background of
 * its process group goes on. */
bool helper_ended(unsigned number, struct helper_end *end);
/* "ended with status 3", "was ended by signal 9 (Killed)": follows the command's name. Into `text`, which is
 * returned. */
const char *helper_end_text(const struct helper_end *end, char *text, size_t len);

/* Also for commands that have ended: ends what is left of its process group, by SIGTERM, after a second by
 * SIGKILL, and forgets the number. Does not wait for it. */
void helper_stop(unsigned number);

/* Forgets the number of a command that has ended; what it left running in the background goes on when finwait
 * has ended, too: a server that it started. One that has not ended is stopped. */
void helper_leave(unsigned number);

/* Ends all commands and the helper, and waits for that. Without it they end when this process does. */
void helper_close(void);

#endif
