/* SPDX-License-Identifier: BSD-2-Clause */
/* How a process comes to rights, and loses them, for tests: what a child is to try goes in, its exit status
 * comes out. Nothing here uses the library that is under test. */
#ifndef FINWAIT_TESTS_RIGHTS_H
#define FINWAIT_TESTS_RIGHTS_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* For what a child tries: returns 1 from it if something is not so. `why` is the test's own buffer for the
 * sentences of what it tests. */
#define CHECK(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #condition, why);    \
			return 1;                                                                            \
		}                                                                                            \
	} while (0)

enum {
	RIGHTS_NOBODY = 65534,
	RIGHTS_SKIPPED = -2, /* no exit status: this machine does not allow it */
};

/* Waits for a child: its exit status, 126 if it ended otherwise. */
int rights_ended(pid_t pid);

/* The same for a child that runs `body`. */
int rights_in_child(int (*body)(void));

/* The same for one that may run a copy of this program, which everybody may, once `command` was done to it
 * ("setcap …", "chmod …"; the path is added). RIGHTS_SKIPPED where RIGHTS_NOBODY or set-user-ID cannot be had
 * (a user namespace, a file system mounted nosuid), or there is no such command. -1 if no copy was made. */
int rights_with_copy(const char *command, int (*body)(const char *copy));

/* RIGHTS_NOBODY from now on, user and group. 0 if so. */
int rights_become_nobody(void);

/* The same, but with capabilities, some of which outlive exec(). One bit each. */
int rights_become_nobody_with(uint64_t permitted, uint64_t ambient);

/* Sets the capabilities, effective are those permitted; 0 or -1, as the kernel says. */
int rights_set(uint64_t permitted, uint64_t inheritable);

/* Makes a system call return `result` (0 or an errno) without doing anything. 0 if so. */
int rights_fake(unsigned nr, unsigned result);

#endif
