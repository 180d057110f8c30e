/* SPDX-License-Identifier: BSD-2-Clause */
#include "drive/user.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WORDS = _LINUX_CAPABILITY_U32S_3 };

static int failed(const char *what, char *why, size_t why_len)
{
	snprintf(why, why_len,
		 "cannot become the invoking user to run commands: %s failed (%s), so finwait stops here.",
		 what, errno ? strerror(errno) : "it had no effect");
	return -1;
}

static int leave_set_id(char *why, size_t why_len)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) || getresgid(&rgid, &egid, &sgid))
		return failed("getresuid", why, why_len);
	/* Called only where there is something to give up: an id that a user namespace does not know cannot
	 * even be set to itself. The group first, while we may. */
	if ((egid != rgid || sgid != rgid) && setresgid(rgid, rgid, rgid))
		return failed("setresgid", why, why_len);
	if ((euid != ruid || suid != ruid) && setresuid(ruid, ruid, ruid))
		return failed("setresuid", why, why_len);
	errno = 0;
	if (getresuid(&ruid, &euid, &suid) || euid != ruid || suid != ruid)
		return failed("setresuid", why, why_len);
	if (getresgid(&rgid, &egid, &sgid) || egid != rgid || sgid != rgid)
		return failed("setresgid", why, why_len);
	return 0;
}

/* Whom exec gives all capabilities for being user 0: our file had nothing to add. */
static bool is_root(void)
{
	int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

	return getuid() == 0 && bits >= 0 && !(bits & SECBIT_NOROOT);
}

/* The kernel empties the ambient set for a program file that gives rights, so what is in it was the user's
 * before. Inheritable ones are no rights, and no program file changes them. */
static int leave_file_capabilities(char *why, size_t why_len)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[WORDS], wanted[WORDS];

	if (syscall(SYS_capget, &header, data))
		return failed("capget", why, why_len);
	for (unsigned i = 0; i < WORDS; i++) {
		uint32_t ambient = 0;

		for (unsigned bit = 0; bit < 32; bit++)
			if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i * 32 + bit, 0, 0) == 1)
				ambient |= UINT32_C(1) << bit;
		wanted[i] = (struct __user_cap_data_struct){
			.effective = ambient,
			.permitted = ambient,
			.inheritable = data[i].inheritable,
		};
	}
	if (syscall(SYS_capset, &header, wanted))
		return failed("capset", why, why_len);
	if (syscall(SYS_capget, &header, data))
		return failed("capget", why, why_len);
	errno = 0;
	for (unsigned i = 0; i < WORDS; i++)
		if (data[i].effective != wanted[i].effective || data[i].permitted != wanted[i].permitted)
			return failed("capset", why, why_len);
	return 0;
}

int user_become(char *why, size_t why_len)
{
	if (leave_set_id(why, why_len))
		return -1;
	return is_root() ? 0 : leave_file_capabilities(why, why_len);
}
