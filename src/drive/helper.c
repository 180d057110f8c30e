/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait's side of the helper. */
#include "drive/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drive/helper_process.h"
#include "drive/template.h"

enum { SENTENCE = 512 };

struct started {
	bool used, ended;
	unsigned number;
	struct helper_end end;
};

static struct {
	bool forked, sealed;
	int fd; /* -1 once it is gone */
	pid_t pid;
	char *texts[HELPER_COMMANDS];
	bool talks[HELPER_COMMANDS];
	size_t n;
	struct started started[HELPER_RUNNING];
	unsigned starts;
} helper;

static int failed(char *why, size_t why_len, const char *what)
{
	snprintf(why, why_len, "commands cannot be run: %s.", what);
	return -1;
}

static int system_failed(char *why, size_t why_len, const char *what)
{
	snprintf(why, why_len, "commands cannot be run: %s failed (%s).", what, strerror(errno));
	return -1;
}

static void close_pair(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

static ssize_t receive(void *buffer, size_t len, int flags)
{
	ssize_t n;

	do
		n = recv(helper.fd, buffer, len, flags);
	while (n < 0 && errno == EINTR);
	return n;
}

int helper_fork(char *why, size_t why_len)
{
	char sentence[SENTENCE];
	ssize_t n;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return system_failed(why, why_len, "socketpair");
	helper.pid = fork();
	if (helper.pid == 0) {
		close(pair[0]);
		helper_process_run(pair[1]);
	}
	close(pair[1]);
	if (helper.pid < 0) {
		close(pair[0]);
		return system_failed(why, why_len, "fork");
	}
	helper.forked = true;
	helper.sealed = false;
	helper.fd = pair[0];
	n = receive(sentence, sizeof(sentence), 0);
	if (n > 0 && !sentence[0])
		return 0;
	if (n > 0)
		snprintf(why, why_len, "%.*s", (int)n, sentence);
	else
		failed(why, why_len, "the helper process has ended at once");
	helper_close();
	return -1;
}

/* fds: two descriptors to hand over, or NULL. */
static int tell(const struct helper_request *r, size_t text_len, const int *fds, char *why, size_t why_len)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct iovec data = {(void *)r, offsetof(struct helper_request, text) + text_len};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	ssize_t n;

	if (helper_fd() < 0)
		return failed(why, why_len, "the helper process has ended");
	if (fds) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, 2 * sizeof(int));
	}
	do
		n = sendmsg(helper.fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? system_failed(why, why_len, "speaking to the helper process") : 0;
}

int helper_register(const char *text, bool talks, size_t *index, char *why, size_t why_len)
{
	struct helper_request r = {.verb = HELPER_REGISTER, .talks = talks};

	if (template_check(text, why, why_len))
		return -1;
	if (helper.sealed || helper.n == HELPER_COMMANDS)
		return failed(why, why_len, helper.sealed ? "no command can be added any more"
							  : "there are too many of them");
	strcpy(r.text, text); /* template_check() knows its length */
	if (tell(&r, strlen(text) + 1, NULL, why, why_len))
		return -1;
	helper.texts[helper.n] = strdup(text);
	if (!helper.texts[helper.n])
		return failed(why, why_len, "there is no memory left");
	helper.talks[helper.n] = talks;
	*index = helper.n++;
	return 0;
}

int helper_seal(char *why, size_t why_len)
{
	struct helper_request r = {.verb = HELPER_SEAL};

	if (tell(&r, 0, NULL, why, why_len))
		return -1;
	helper.sealed = true;
	return 0;
}

/* A pipe each way, not a socket for both: bash takes a socket for a remote login. */
static int start_talking(const struct helper_request *r, int fds[2], char *why, size_t why_len)
{
	int in[2], out[2], result;

	if (pipe2(in, O_CLOEXEC))
		return system_failed(why, why_len, "pipe");
	if (pipe2(out, O_CLOEXEC)) {
		system_failed(why, why_len, "pipe");
		close_pair(in);
		return -1;
	}
	if (fcntl(in[1], F_SETFL, O_NONBLOCK) || fcntl(out[0], F_SETFL, O_NONBLOCK))
		result = system_failed(why, why_len, "fcntl");
	else
		result = tell(r, 0, (const int[]){in[0], out[1]}, why, why_len);
	close(in[0]);
	close(out[1]);
	if (result) {
		close(in[1]);
		close(out[0]);
		return -1;
	}
	fds[0] = out[0];
	fds[1] = in[1];
	return 0;
}

int helper_start(size_t index, const struct endpoint *fill, int fds[2], unsigned *number, char *why,
		 size_t why_len)
{
	struct helper_request r = {.verb = HELPER_START, .index = (uint32_t)index, .fill = *fill};
	char line[TEMPLATE_MAX];
	unsigned slot = 0;

	if (index >= helper.n || !helper.sealed)
		return failed(why, why_len, "they have not been made known");
	if (template_fill(helper.texts[index], fill, line, why, why_len))
		return -1;
	while (slot < HELPER_RUNNING && helper.started[slot].used)
		slot++;
	if (slot == HELPER_RUNNING)
		return failed(why, why_len, "too many are running");
	r.number = slot + HELPER_RUNNING * helper.starts++;
	if (helper.talks[index] ? start_talking(&r, fds, why, why_len) : tell(&r, 0, NULL, why, why_len))
		return -1;
	helper.started[slot] = (struct started){.used = true, .number = r.number};
	*number = r.number;
	return 0;
}

int helper_fd(void)
{
	return helper.forked ? helper.fd : -1;
}

static struct started *find(unsigned number)
{
	struct started *s = &helper.started[number % HELPER_RUNNING];

	return s->used && s->number == number ? s : NULL;
}

static void gone(void)
{
	close(helper.fd);
	helper.fd = -1;
	for (unsigned i = 0; i < HELPER_RUNNING; i++) {
		struct started *s = &helper.started[i];

		if (s->used && !s->ended)
			s->end = (struct helper_end){.number = s->number, .how = HELPER_GONE};
		s->ended = true;
	}
}

void helper_look(void)
{
	struct helper_end end;

	while (helper_fd() >= 0) {
		ssize_t n = receive(&end, sizeof(end), MSG_DONTWAIT);
		struct started *s;

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n != sizeof(end)) {
			gone();
			return;
		}
		s = find(end.number);
		if (s) { /* otherwise stopped while this was on its way */
			s->ended = true;
			s->end = end;
		}
	}
}

bool helper_ended(unsigned number, struct helper_end *end)
{
	const struct started *s = find(number);

	if (!s || !s->ended)
		return false;
	*end = s->end;
	return true;
}

const char *helper_end_text(const struct helper_end *end, char *text, size_t len)
{
	switch (end->how) {
	case HELPER_EXITED:
		snprintf(text, len, "ended with status %d", end->value);
		break;
	case HELPER_KILLED:
		snprintf(text, len, "was ended by signal %d (%s)", end->value, strsignal(end->value));
		break;
	case HELPER_WANTS_TTY:
		snprintf(text, len, "wants to ask at the terminal, which it cannot beside finwait");
		break;
	case HELPER_NOT_STARTED:
		snprintf(text, len, "could not be started (%s)", strerror(end->value));
		break;
	case HELPER_GONE:
		snprintf(text, len, "is out of sight, since the process that runs commands has ended");
		break;
	}
	return text;
}

static void forget(unsigned number, enum helper_verb how)
{
	struct helper_request r = {.verb = how, .number = number};
	struct started *s = find(number);
	char why[SENTENCE];

	if (!s)
		return;
	s->used = false;
	/* A helper that cannot be told has ended, and its commands with it. */
	(void)tell(&r, 0, NULL, why, sizeof(why));
}

void helper_stop(unsigned number)
{
	forget(number, HELPER_STOP);
}

void helper_leave(unsigned number)
{
	forget(number, HELPER_LEAVE);
}

void helper_close(void)
{
	if (!helper.forked)
		return;
	if (helper.fd >= 0) {
		/* Whatever child of ours may still have a copy of it. */
		shutdown(helper.fd, SHUT_RDWR);
		close(helper.fd);
	}
	while (waitpid(helper.pid, NULL, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < helper.n; i++)
		free(helper.texts[i]);
	memset(&helper, 0, sizeof(helper));
}
