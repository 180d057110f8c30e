/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/privs.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* User 0 gets nothing for being user 0, neither by exec nor by a change of user, and ambient
 * capabilities are over; locked, so that no later code can take it back. */
static const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
				  SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
				  SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

static int failed(const char *what, char *why, size_t why_len)
{
	snprintf(why, why_len, "cannot give up privileges: %s failed (%s), so finwait stops here.", what,
		 errno ? strerror(errno) : "it had no effect");
	return -1;
}

static bool permitted(unsigned capability)
{
	return capng_have_capability(CAPNG_PERMITTED, capability);
}

/* What only CAP_SETPCAP can do. Without that capability neither is possible, and neither is needed:
 * PR_SET_NO_NEW_PRIVS already keeps exec from granting anything; these two are the second wall. */
static int seal(bool keep_raw, bool keep_admin, char *why, size_t why_len)
{
	if (!permitted(CAP_SETPCAP))
		return 0;
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, CAP_SETPCAP);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return failed("raising CAP_SETPCAP", why, why_len);
	for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++) {
		if ((c == CAP_NET_RAW && keep_raw) || (c == CAP_NET_ADMIN && keep_admin))
			continue;
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0))
			return failed("PR_CAPBSET_DROP", why, why_len);
	}
	/* Whoever started us may have locked other bits already: add ours to them. */
	int now = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
	if (now < 0)
		return failed("PR_GET_SECUREBITS", why, why_len);
	if (((unsigned long)now & bits) != bits && prctl(PR_SET_SECUREBITS, now | bits, 0, 0, 0) &&
	    errno != EPERM)
		return failed("PR_SET_SECUREBITS", why, why_len);
	return 0;
}

/* Back to the invoking user for good. The permitted set must survive, whatever securebits say. */
static int leave_set_id(char *why, size_t why_len)
{
	uid_t uid = getuid(), ruid, euid, suid;
	gid_t gid = getgid(), rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) || getresgid(&rgid, &egid, &sgid))
		return failed("getresuid", why, why_len);
	if (egid != gid || sgid != gid)
		if (setresgid(gid, gid, gid))
			return failed("setresgid", why, why_len);
	if (euid == uid && suid == uid)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
		return failed("PR_SET_KEEPCAPS", why, why_len);
	if (setresuid(uid, uid, uid))
		return failed("setresuid", why, why_len);
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0))
		return failed("PR_SET_KEEPCAPS", why, why_len);
	return 0;
}

/* Believes nothing but what the kernel reports. */
static int verify(bool raw, bool admin, char *why, size_t why_len)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	errno = 0;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_get_caps_process())
		return failed("reading capabilities", why, why_len);
	/* 64 bits and not CAP_LAST_CAP: the kernel may know more capabilities than our headers. */
	for (unsigned c = 0; c < 64; c++) {
		bool wanted = (c == CAP_NET_RAW && raw) || (c == CAP_NET_ADMIN && admin);

		if (capng_have_capability(CAPNG_EFFECTIVE, c) != wanted ||
		    capng_have_capability(CAPNG_PERMITTED, c) != wanted ||
		    capng_have_capability(CAPNG_INHERITABLE, c) ||
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0) > 0) {
			errno = 0;
			return failed("changing capabilities", why, why_len);
		}
	}
	errno = 0;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return failed("PR_SET_NO_NEW_PRIVS", why, why_len);
	if (getresuid(&ruid, &euid, &suid) || euid != ruid || suid != ruid ||
	    getresgid(&rgid, &egid, &sgid) || egid != rgid || sgid != rgid)
		return failed("setresuid", why, why_len);
	return 0;
}

/* PR_SET_DUMPABLE is left alone: the kernel clears it itself when a program starts with file
 * capabilities or a set-user-ID that its caller does not have, and clearing it for root as well would
 * only take the debugger and the leak checker away from the one who may use them anyway. */
static int reduce(bool raw, bool admin, char *why, size_t why_len)
{
	errno = 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return failed("PR_SET_NO_NEW_PRIVS", why, why_len);
	/* Kernels before 4.3 have no ambient set, hence nothing to clear. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL)
		return failed("PR_CAP_AMBIENT", why, why_len);
	if (seal(raw, admin, why, why_len) || leave_set_id(why, why_len))
		return -1;
	capng_clear(CAPNG_SELECT_CAPS);
	if (raw)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_RAW);
	if (admin)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return failed("capset", why, why_len);
	return verify(raw, admin, why, why_len);
}

int privs_limit(struct privs *have, char *why, size_t why_len)
{
	*have = (struct privs){0};
	errno = 0;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_get_caps_process())
		return failed("reading capabilities", why, why_len);
	have->raw = permitted(CAP_NET_RAW);
	have->admin = permitted(CAP_NET_ADMIN);
	return reduce(have->raw, have->admin, why, why_len);
}

int privs_drop(char *why, size_t why_len)
{
	errno = 0;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_get_caps_process())
		return failed("reading capabilities", why, why_len);
	return reduce(false, false, why, why_len);
}

void privs_current(struct privs *have)
{
	capng_clear(CAPNG_SELECT_BOTH);
	*have = (struct privs){0};
	if (capng_get_caps_process())
		return;
	have->raw = capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW);
	have->admin = capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN);
}
