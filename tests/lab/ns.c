/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good ? 0 : -1;
}

/* A user namespace in which we are root, so that the network namespace may be ours. */
static int unshare_as_user(void)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
	if (write_file("/proc/self/setgroups", "deny") || write_file("/proc/self/uid_map", map))
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
	return write_file("/proc/self/gid_map", map);
}

bool ns_enter(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET)) {
		if (unshare_as_user()) {
			fprintf(stderr, "no private network namespace: %s\n", strerror(errno));
			return false;
		}
	}
	if (ns_run(-1, "ip link set lo up")) {
		fprintf(stderr, "no private network: `ip link set lo up` failed\n");
		return false;
	}
	return true;
}

void ns_enter_or_skip(void)
{
	const char *require = getenv("FINWAIT_REQUIRE_LAB");

	if (ns_enter())
		return;
	exit(require && !strcmp(require, "1") ? 1 : NS_SKIPPED);
}

static int own_namespace(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Enters `far` and comes back as *here says. Failing to come back would leave a test in the wrong network. */
static int go(int far, int *here)
{
	*here = own_namespace();
	if (*here < 0)
		return -1;
	if (!setns(far, CLONE_NEWNET))
		return 0;
	close(*here);
	return -1;
}

static void come_back(int here)
{
	int error = errno;

	if (setns(here, CLONE_NEWNET)) {
		perror("setns");
		abort();
	}
	close(here);
	errno = error;
}

int ns_socket(int far, int domain, int type, int protocol)
{
	int here, fd;

	if (go(far, &here))
		return -1;
	fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	come_back(here);
	return fd;
}

int ns_run(int far, const char *command)
{
	char with_path[2048];
	int here, status;

	if (far >= 0 && go(far, &here))
		return -1;
	snprintf(with_path, sizeof(with_path), "PATH=$PATH:/usr/sbin:/sbin; %s", command);
	status = system(with_path);
	if (far >= 0)
		come_back(here);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A descriptor keeps a namespace alive, so nobody has to live in it. */
static int new_namespace(void)
{
	int here = own_namespace(), far = -1;

	if (here < 0)
		return -1;
	if (!unshare(CLONE_NEWNET)) {
		far = own_namespace();
		come_back(here);
	} else {
		close(here);
	}
	return far;
}

int ns_veth(void)
{
	int far = new_namespace();
	char command[1024];

	if (far < 0)
		return -1;
	/* Without generated link-local addresses there is no duplicate address detection to wait for. */
	snprintf(command, sizeof(command),
		 "ip link add " NS_NEAR_IF " type veth peer name " NS_FAR_IF " netns /proc/%ld/fd/%d &&"
		 "ip link set " NS_NEAR_IF " addrgenmode none && ip link set " NS_NEAR_IF " up &&"
		 "ip addr add " NS_NEAR4 "/24 dev " NS_NEAR_IF " &&"
		 "ip addr add " NS_NEAR6 "/64 dev " NS_NEAR_IF " nodad &&"
		 "ip addr add " NS_NEAR_LINK "/64 dev " NS_NEAR_IF " nodad",
		 (long)getpid(), far);
	if (!ns_run(-1, command) &&
	    !ns_run(far, "ip link set lo up &&"
			 "ip link set " NS_FAR_IF " addrgenmode none && ip link set " NS_FAR_IF " up &&"
			 "ip addr add " NS_FAR4 "/24 dev " NS_FAR_IF " &&"
			 "ip addr add " NS_FAR6 "/64 dev " NS_FAR_IF " nodad &&"
			 "ip addr add " NS_FAR_LINK "/64 dev " NS_FAR_IF " nodad"))
		return far;
	close(far);
	return -1;
}

static int count_table(const struct nlmsghdr *message, void *arg)
{
	int *n = arg;

	*n += (message->nlmsg_type & 0xff) == NFT_MSG_NEWTABLE;
	return MNL_CB_OK;
}

int ns_nft_tables(void)
{
	char buffer[8192];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(request, sizeof(*nfg));
	struct mnl_socket *s = mnl_socket_open(NETLINK_NETFILTER);
	int n = 0, more = -1;

	request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nfg->nfgen_family = AF_UNSPEC;
	if (!s)
		return -1;
	if (!mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) &&
	    mnl_socket_sendto(s, request, request->nlmsg_len) > 0)
		do {
			ssize_t len = mnl_socket_recvfrom(s, buffer, sizeof(buffer));

			more = len < 0 ? -1 : mnl_cb_run(buffer, (size_t)len, 0, 0, count_table, &n);
		} while (more > 0);
	mnl_socket_close(s);
	return more ? -1 : n;
}
