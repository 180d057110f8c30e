/* SPDX-License-Identifier: BSD-2-Clause */
#include "drive/helper_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "drive/template.h"
#include "drive/user.h"

enum {
	SOCKET = 3,                 /* the descriptor that stays open beside the standard files */
	TABLE = 2 * HELPER_RUNNING, /* as many again may be about to end */
	GRACE_MS = 1000,            /* between SIGTERM and SIGKILL, and between that and giving up */
	LOOK_MS = 20,               /* no event tells when the last of a process group has ended */
	SENTENCE = 512,
};

struct running {
	bool used;
	pid_t pid; /* of the shell, and of its process group; -1 if it could not be started */
	bool exited; /* but not reaped before the command is stopped, so that the number stays ours */
	bool reaped;
	bool ended, told;
	struct helper_end end;
	bool stopping, killed;
	int64_t stopped_ms;
};

static struct {
	int signals;
	struct sigaction inherited_child;
	sigset_t inherited_mask;
	char *texts[HELPER_COMMANDS];
	bool talks[HELPER_COMMANDS];
	size_t n;
	bool sealed;
	struct running running[TABLE];
} self;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- starting --- */

/* In the child: as if the user's shell had started it, but for the descriptors. */
static _Noreturn void run_command(const char *line, const int *fds)
{
	int in = fds ? fds[0] : open("/dev/null", O_RDONLY | O_CLOEXEC), out = fds ? fds[1] : STDERR_FILENO;

	setpgid(0, 0);
	if (in < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	sigaction(SIGCHLD, &self.inherited_child, NULL);
	sigprocmask(SIG_SETMASK, &self.inherited_mask, NULL);
	execl("/bin/sh", "sh", "-c", "--", line, (char *)NULL);
	_exit(127);
}

static bool start(const struct helper_request *r, const int *fds)
{
	static char line[TEMPLATE_MAX];
	char why[SENTENCE];
	struct running *free_one = NULL;
	pid_t pid;

	if (!self.sealed || r->index >= self.n || self.talks[r->index] != (fds != NULL) ||
	    template_fill(self.texts[r->index], &r->fill, line, why, sizeof(why)))
		return false;
	for (size_t i = 0; i < TABLE; i++) {
		if (!self.running[i].used && !free_one)
			free_one = &self.running[i];
		if (self.running[i].used && self.running[i].end.number == r->number)
			return false;
	}
	if (!free_one) {
		struct helper_end end = {.number = r->number, .how = HELPER_NOT_STARTED, .value = EAGAIN};

		return send(SOCKET, &end, sizeof(end), MSG_NOSIGNAL) > 0;
	}
	pid = fork();
	if (pid == 0)
		run_command(line, fds);
	*free_one = (struct running){.used = true, .pid = pid, .end = {.number = r->number}};
	if (pid > 0) {
		/* The child does it, too: whoever comes first. */
		setpgid(pid, pid);
	} else {
		free_one->ended = free_one->exited = free_one->reaped = true;
		free_one->end.how = HELPER_NOT_STARTED;
		free_one->end.value = errno;
	}
	return true;
}

/* --- ending --- */

static void look_at(struct running *r)
{
	siginfo_t info = {0};

	if (r->exited || waitid(P_PID, (id_t)r->pid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) ||
	    !info.si_pid)
		return;
	if (info.si_code == CLD_STOPPED || info.si_code == CLD_TRAPPED) {
		if (r->ended || (info.si_status != SIGTTIN && info.si_status != SIGTTOU))
			return;
		r->end.how = HELPER_WANTS_TTY;
	} else {
		r->exited = true;
		if (r->ended)
			return;
		r->end.how = info.si_code == CLD_EXITED ? HELPER_EXITED : HELPER_KILLED;
	}
	r->ended = true;
	r->end.value = info.si_status;
}

static void signal_group(const struct running *r, int number)
{
	if (r->pid > 0)
		kill(-r->pid, number);
}

static void stop(struct running *r)
{
	if (r->stopping)
		return;
	r->stopping = true;
	r->stopped_ms = now_ms();
	signal_group(r, SIGTERM);
	signal_group(r, SIGCONT);
}

/* What the command left in its process group stays. */
static void leave(struct running *r)
{
	if (!r->reaped && r->pid > 0)
		waitpid(r->pid, NULL, WNOHANG);
	r->used = false;
}

/* Of a command that is being stopped. The shell is reaped as late as here, because its process group can be
 * told to be empty only without it; the number can hardly be somebody else's within two seconds. */
static void push(struct running *r)
{
	int64_t waited = now_ms() - r->stopped_ms;

	if (r->exited && !r->reaped)
		r->reaped = waitpid(r->pid, NULL, WNOHANG) == r->pid;
	if (r->reaped && (r->pid < 0 || kill(-r->pid, 0))) {
		r->used = false;
		return;
	}
	if (waited >= GRACE_MS && !r->killed) {
		r->killed = true;
		signal_group(r, SIGKILL);
	}
	/* Still there: it runs as another user, by sudo, and is not ours to end. */
	if (waited >= 2 * GRACE_MS)
		r->used = false;
}

/* --- finwait's requests --- */

/* False for what finwait never sends. */
static bool obey(struct helper_request *r, size_t text_len, const int *fds)
{
	char why[SENTENCE];

	if (fds && r->verb != HELPER_START)
		return false;
	switch (r->verb) {
	case HELPER_REGISTER:
		if (self.sealed || self.n == HELPER_COMMANDS || !text_len || r->text[text_len - 1] ||
		    template_check(r->text, why, sizeof(why)))
			return false;
		self.talks[self.n] = r->talks;
		self.texts[self.n] = strdup(r->text);
		return self.texts[self.n++] != NULL;
	case HELPER_SEAL:
		self.sealed = true;
		return true;
	case HELPER_START:
		return start(r, fds);
	case HELPER_STOP:
	case HELPER_LEAVE:
		for (size_t i = 0; i < TABLE; i++)
			if (self.running[i].used && self.running[i].end.number == r->number) {
				if (r->verb == HELPER_STOP || !self.running[i].exited)
					stop(&self.running[i]);
				else
					leave(&self.running[i]);
				break;
			}
		return true;
	}
	return false;
}

/* False at the end: the other side is closed, or not to be trusted. */
static bool receive(void)
{
	static struct helper_request r;
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec data = {&r, sizeof(r)};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(SOCKET, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	const size_t least = offsetof(struct helper_request, text);
	struct cmsghdr *c;
	int fds[2];
	bool good;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if ((size_t)n < least || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return false;
	c = CMSG_FIRSTHDR(&message);
	if (!c)
		return obey(&r, (size_t)n - least, NULL);
	if (c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(fds)))
		return false;
	memcpy(fds, CMSG_DATA(c), sizeof(fds));
	good = obey(&r, (size_t)n - least, fds);
	close(fds[0]);
	close(fds[1]);
	return good;
}

/* --- the loop --- */

/* Never waits for finwait, which may be waiting for us. True if there is more to be told. */
static bool tell_ends(void)
{
	for (size_t i = 0; i < TABLE; i++) {
		struct running *r = &self.running[i];

		if (!r->used || !r->ended || r->told || r->stopping)
			continue;
		if (send(SOCKET, &r->end, sizeof(r->end), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return errno == EAGAIN;
		r->told = true;
	}
	return false;
}

/* True while commands are about to end. */
static bool look_around(void)
{
	struct signalfd_siginfo info;
	bool any = false;

	while (read(self.signals, &info, sizeof(info)) > 0)
		;
	for (size_t i = 0; i < TABLE; i++) {
		struct running *r = &self.running[i];

		if (r->used)
			look_at(r);
		if (r->used && r->stopping)
			push(r);
		any |= r->used && r->stopping;
	}
	return any;
}

static void serve(void)
{
	struct pollfd polled[2] = {{.fd = SOCKET}, {.fd = self.signals, .events = POLLIN}};

	do {
		bool stopping = look_around();

		polled[0].events = (short)(POLLIN | (tell_ends() ? POLLOUT : 0));
		if (poll(polled, 2, stopping ? LOOK_MS : -1) < 0 && errno != EINTR)
			return;
	} while (!(polled[0].revents & (POLLIN | POLLHUP | POLLERR)) || receive());
}

static void end_all(void)
{
	struct pollfd polled = {.fd = self.signals, .events = POLLIN};

	for (size_t i = 0; i < TABLE; i++)
		if (self.running[i].used)
			stop(&self.running[i]);
	while (look_around())
		poll(&polled, 1, LOOK_MS);
}

/* All that can be blocked is: neither Ctrl-C nor a hangup ends the helper before finwait has tidied up. */
static int take_signals(char *why, size_t why_len)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t all, child;

	sigfillset(&all);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	/* Ignored, it would take the exit statuses away. */
	if (!sigprocmask(SIG_SETMASK, &all, &self.inherited_mask) &&
	    !sigaction(SIGCHLD, &usual, &self.inherited_child)) {
		self.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
		if (self.signals >= 0)
			return 0;
	}
	snprintf(why, why_len, "commands cannot be run: their end cannot be watched (%s).", strerror(errno));
	return -1;
}

_Noreturn void helper_process_run(int fd)
{
	char why[SENTENCE] = "";
	bool ready;

	/* Still in the terminal's session, as sudo wants it for its tickets, but not in the foreground, where
	 * Ctrl-C strikes. */
	setpgid(0, 0);
	if (fd != SOCKET && dup3(fd, SOCKET, O_CLOEXEC) < 0)
		_exit(1);
	closefrom(SOCKET + 1);
	ready = !user_become(why, sizeof(why)) && !take_signals(why, sizeof(why));
	/* Nobody else with this user id shall get in by the debugger's door; exec opens it again. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (send(SOCKET, why, strlen(why) + 1, MSG_NOSIGNAL) > 0 && ready) {
		serve();
		end_all();
	}
	_exit(0);
}
