/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/rights.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/ns.h"

int rights_ended(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

int rights_in_child(int (*body)(void))
{
	pid_t pid = fork();

	if (!pid)
		_exit(body());
	return rights_ended(pid);
}

static int run_with_copy(const char *command, const char *copy, int (*body)(const char *copy))
{
	char line[256];
	int status;
	pid_t pid;

	snprintf(line, sizeof(line), "cat /proc/%ld/exe > %s", (long)getpid(), copy);
	if (ns_run(-1, line) || chmod(copy, 0755))
		return -1;
	snprintf(line, sizeof(line), "%s %s", command, copy);
	status = ns_run(-1, line);
	if (status)
		return status == 127 ? RIGHTS_SKIPPED : -1;
	pid = fork();
	if (!pid)
		_exit(body(copy));
	return rights_ended(pid);
}

int rights_with_copy(const char *command, int (*body)(const char *copy))
{
	char copy[] = "/tmp/finwait-rights-XXXXXX";
	struct statvfs fs;
	int fd, result;

	if (rights_in_child(rights_become_nobody) || statvfs("/tmp", &fs) || (fs.f_flag & ST_NOSUID))
		return RIGHTS_SKIPPED;
	fd = mkstemp(copy);
	if (fd < 0)
		return -1;
	close(fd);
	result = run_with_copy(command, copy, body);
	unlink(copy);
	return result;
}

int rights_become_nobody(void)
{
	return setresgid(RIGHTS_NOBODY, RIGHTS_NOBODY, RIGHTS_NOBODY) ||
	       setresuid(RIGHTS_NOBODY, RIGHTS_NOBODY, RIGHTS_NOBODY);
}

int rights_become_nobody_with(uint64_t permitted, uint64_t ambient)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || rights_become_nobody() || rights_set(permitted, ambient))
		return -1;
	for (unsigned long i = 0; i < 64; i++)
		if (ambient >> i & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0))
			return -1;
	return 0;
}

int rights_set(uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)permitted, (uint32_t)permitted, (uint32_t)inheritable},
		{(uint32_t)(permitted >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
	};

	return (int)syscall(SYS_capset, &header, data);
}

int rights_fake(unsigned nr, unsigned result)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | result),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
