/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/guard_nft.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* libnftables is loaded when this method is wanted and not linked: with its five dependencies it would
 * add 0.6 ms to the 1 ms that every start of finwait takes, for a method that hardly ever is needed, and
 * finwait would not start without it. These are the functions of its stable interface, version 1. */
struct nft_ctx;

struct nft_library {
	void *handle;
	struct nft_ctx *(*ctx_new)(uint32_t flags);
	void (*ctx_free)(struct nft_ctx *ctx);
	int (*ctx_buffer_output)(struct nft_ctx *ctx);
	int (*ctx_buffer_error)(struct nft_ctx *ctx);
	const char *(*ctx_get_error_buffer)(struct nft_ctx *ctx);
	int (*run_cmd_from_buffer)(struct nft_ctx *ctx, const char *commands);
};

struct nft_guard {
	struct nft_library lib;
	struct nft_ctx *ctx; /* its netlink socket is the table's owner */
	char table[40];
};

/* POSIX lets a function pointer be read from an object pointer; ISO C has no cast for it. */
static int load_symbol(struct nft_library *lib, const char *name, void *function)
{
	void *symbol = dlsym(lib->handle, name);

	memcpy(function, &symbol, sizeof(symbol));
	return symbol ? 0 : -1;
}

static int load(struct nft_library *lib)
{
	lib->handle = dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!lib->handle)
		return -1;
	if (load_symbol(lib, "nft_ctx_new", &lib->ctx_new) ||
	    load_symbol(lib, "nft_ctx_free", &lib->ctx_free) ||
	    load_symbol(lib, "nft_ctx_buffer_output", &lib->ctx_buffer_output) ||
	    load_symbol(lib, "nft_ctx_buffer_error", &lib->ctx_buffer_error) ||
	    load_symbol(lib, "nft_ctx_get_error_buffer", &lib->ctx_get_error_buffer) ||
	    load_symbol(lib, "nft_run_cmd_from_buffer", &lib->run_cmd_from_buffer)) {
		dlclose(lib->handle);
		return -1;
	}
	return 0;
}

/* Runs commands in one transaction; `why` gets the first line of what libnftables says. */
static int run(struct nft_guard *n, const char *commands, char *why, size_t why_len)
{
	const char *said;

	if (!n->lib.run_cmd_from_buffer(n->ctx, commands))
		return 0;
	said = n->lib.ctx_get_error_buffer(n->ctx);
	if (!said || !*said)
		said = "libnftables failed without a reason";
	snprintf(why, why_len, "%.*s", (int)strcspn(said, "\n"), said);
	return -1;
}

/* The chain hooks "input" ahead of all others: our capture has seen the segment by then, the host's TCP
 * and its other firewall rules have not. Sets, so that hundreds of guards cost one look-up. */
static int create_table(struct nft_guard *n, char *why, size_t why_len)
{
	static const char template[] = "add table inet %1$s { flags owner; }\n"
				       "add set inet %1$s four { type ipv4_addr . inet_service; }\n"
				       "add set inet %1$s six { type ipv6_addr . inet_service; }\n"
				       "add chain inet %1$s input { type filter hook input priority -300; }\n"
				       "add rule inet %1$s input ip daddr . tcp dport @four drop\n"
				       "add rule inet %1$s input ip6 daddr . tcp dport @six drop\n";
	char commands[sizeof(template) + 6 * sizeof(n->table)];
	struct timespec t;

	/* The time, too: processes of different PID namespaces may share this network namespace. */
	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(n->table, sizeof(n->table), "finwait-%ld-%lx", (long)getpid(), (unsigned long)t.tv_nsec);
	snprintf(commands, sizeof(commands), template, n->table);
	return run(n, commands, why, why_len);
}

/* Asks nf_tables for its generation number, as libnftables will: where that is refused, libnftables would
 * print to standard error on its own. 0, or -1 with errno. */
static int check_allowed(void)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	char buffer[1024];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(request, sizeof(*nfg));
	int error, result = -1;
	ssize_t len;

	request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
	request->nlmsg_flags = NLM_F_REQUEST;
	nfg->nfgen_family = AF_UNSPEC;
	if (s && !mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) &&
	    mnl_socket_sendto(s, request, request->nlmsg_len) > 0) {
		len = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
		if (len > 0 && mnl_cb_run(buffer, (size_t)len, 0, 0, NULL, NULL) >= 0)
			result = 0;
	}
	error = errno;
	if (s)
		mnl_socket_close(s);
	errno = error;
	return result;
}

struct nft_guard *nft_guard_open(char *why, size_t why_len)
{
	struct nft_guard *n = calloc(1, sizeof(*n));

	if (!n) {
		snprintf(why, why_len, "out of memory");
		return NULL;
	}
	if (check_allowed()) {
		snprintf(why, why_len, "nf_tables: %s", strerror(errno));
		free(n);
		return NULL;
	}
	if (load(&n->lib)) {
		snprintf(why, why_len, "libnftables.so.1 is not installed");
		free(n);
		return NULL;
	}
	snprintf(why, why_len, "libnftables does not start");
	n->ctx = n->lib.ctx_new(0);
	/* What libnftables prints goes into our messages, never to the user's terminal by itself. */
	if (!n->ctx || n->lib.ctx_buffer_output(n->ctx) || n->lib.ctx_buffer_error(n->ctx) ||
	    create_table(n, why, why_len)) {
		nft_guard_close(n);
		return NULL;
	}
	return n;
}

int nft_guard_add(struct nft_guard *n, const struct endpoint *e, char *why, size_t why_len)
{
	char address[INET6_ADDRSTRLEN], command[160];

	if (!inet_ntop(e->addr.family == 4 ? AF_INET : AF_INET6, e->addr.bytes, address, sizeof(address))) {
		snprintf(why, why_len, "this is no address");
		return -1;
	}
	snprintf(command, sizeof(command), "add element inet %s %s { %s . %u }\n", n->table,
		 e->addr.family == 4 ? "four" : "six", address, (unsigned)e->port);
	return run(n, command, why, why_len);
}

void nft_guard_close(struct nft_guard *n)
{
	if (!n)
		return;
	/* Closing its netlink socket is what makes the kernel remove the table. */
	if (n->ctx)
		n->lib.ctx_free(n->ctx);
	dlclose(n->lib.handle);
	free(n);
}
