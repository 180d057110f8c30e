/* SPDX-License-Identifier: BSD-2-Clause */
#include "offload.h"

#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
/* From linux/ethtool.h and linux/sockios.h, repeated because a libc need not come with the kernel's
 * headers. */
enum {
	LINUX_SIOCETHTOOL = 0x8946,
	LINUX_ETHTOOL_GTXCSUM = 0x16,
	LINUX_ETHTOOL_STXCSUM = 0x17,
	LINUX_ETHTOOL_SSG = 0x19,
	LINUX_ETHTOOL_STSO = 0x1f,
	LINUX_ETHTOOL_SGSO = 0x24,
	LINUX_ETHTOOL_SGRO = 0x2c,
};

struct ethtool_number {
	uint32_t command, number;
};

static int ask(int fd, const char *name, uint32_t command, uint32_t *number)
{
	struct ethtool_number question = { command, *number };
	struct ifreq request;
	int result;

	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = (void *)&question;
	result = ioctl(fd, LINUX_SIOCETHTOOL, &request);
	*number = question.number;
	return result;
}

int offload_off(const char *name, char *why, size_t why_len)
{
	static const uint32_t commands[] = { LINUX_ETHTOOL_SGRO, LINUX_ETHTOOL_SGSO, LINUX_ETHTOOL_STSO,
					     LINUX_ETHTOOL_SSG, LINUX_ETHTOOL_STXCSUM };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), result = -1, error = 0;
	uint32_t checksums = 0;

	for (size_t i = 0; fd >= 0 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		uint32_t off = 0;

		if (ask(fd, name, commands[i], &off) < 0 && errno != EOPNOTSUPP)
			error = errno;
	}
	if (fd < 0 || error)
		snprintf(why, why_len, "Cannot turn offload off on %s: %s.", name, strerror(error ? error : errno));
	else if (ask(fd, name, LINUX_ETHTOOL_GTXCSUM, &checksums) == 0 && checksums)
		snprintf(why, why_len, "Cannot turn offload off on %s: its driver keeps computing checksums.", name);
	else
		result = 0;
	if (fd >= 0)
		close(fd);
	return result;
}
#else
int offload_off(const char *name, char *why, size_t why_len)
{
	snprintf(why, why_len, "Cannot turn offload off on %s: this system has another way to do it.", name);
	return -1;
}
#endif
