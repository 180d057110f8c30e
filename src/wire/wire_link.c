/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/wire_link.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wire/capture.h"
#include "wire/encode.h"
#include "wire/inject.h"
#include "wire/pcapfile.h"
#include "wire/release.h"

enum {
	FILTER_TARGETS = 16, /* more hosts than this make a filter slower than looking them up here */
	FILTER_PORTS = 16,
	FILTER_TEXT = 128 + FILTER_TARGETS * (ADDRESS_TEXT + 8) + FILTER_PORTS * 16,
	ARENA = 4 * ENCODE_MAX, /* room for the packets of one batch */
	LONGEST_SLEEP_S = 1, /* an interface may go down without waking anybody */
};

/* After this time the next SYN goes by raw IP again, so that a new next hop is noticed. Only a SYN, since
 * a host's firewall lets it pass (it opens a flow for connection tracking), whatever else it drops. */
static const int64_t header_age_us = 5 * 1000000;

/* An interface: all paths through it share one capture and one packet socket. */
struct port {
	unsigned ifindex;
	char ifname[IF_NAMESIZE];
	struct capture *capture;
	struct inject_port out;
};

/* A path, and how its segments leave: by raw IP until the first of them has been seen on its way out,
 * then behind that frame's link header. */
struct way {
	struct wire_path path;
	struct port *port;
	int raw; /* -1 with a spare address, which the kernel does not route */
	bool learned;
	uint8_t header[INJECT_HEADER];
	/* The latest segment that went by raw IP. */
	int64_t routed_us;
	uint32_t routed_seq;
	uint16_t routed_port;
};

struct wire_link {
	struct link link;
	struct way *ways; /* sorted by target, see compare_ways() */
	size_t n_ways;
	struct port *ports;
	size_t n_ports, next_port;
	struct pollfd *polls; /* the ports' captures, the spares' sockets, then what is watched */
	struct spare **spares;
	size_t n_spares;
	struct encoder *encoder;
	uint8_t *arena;
	struct pcapfile *dump;
	volatile int *stop;
	int64_t last_us; /* the latest time handed out */
	uint64_t frames, captured;
};

static int64_t clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t wire_now(struct link *link)
{
	(void)link;
	return clock_us(CLOCK_MONOTONIC);
}

static int compare_addresses(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int compare_ways(const void *a, const void *b)
{
	return compare_addresses(&((const struct way *)a)->path.target, &((const struct way *)b)->path.target);
}

/* The way to `target`, or NULL. */
static struct way *find_way(const struct wire_link *w, const struct address *target)
{
	size_t low = 0, high = w->n_ways;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_addresses(&w->ways[middle].path.target, target) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	/* The same link-local address may be a target on two interfaces. */
	for (; low < w->n_ways && !compare_addresses(&w->ways[low].path.target, target); low++)
		if (address_equal(&w->ways[low].path.target, target))
			return &w->ways[low];
	return NULL;
}

/* The link header for a segment of this way, or NULL for raw IP. */
static const uint8_t *header_for(const struct way *way, const struct segment *s, int64_t now_us)
{
	const uint16_t opening = FLAG_SYN | FLAG_ACK | FLAG_RST | FLAG_FIN;

	if (way->path.spare)
		return spare_header(way->path.spare);
	if (!way->learned)
		return NULL;
	if ((s->flags & opening) == FLAG_SYN && now_us - way->routed_us > header_age_us)
		return NULL;
	return way->header;
}

/* Segments that leave the same way, built and not yet sent. */
struct batch {
	struct way *way;
	const uint8_t *header;
	struct inject_packet packets[INJECT_BATCH];
	size_t n, used; /* packets, bytes of the arena */
};

static int flush(struct wire_link *w, struct batch *b)
{
	const struct way *way = b->way;
	int result = 0;

	if (b->n && b->header)
		result = inject_port(&way->port->out, way->port->ifname, b->header, b->packets, b->n,
				     w->link.why, sizeof(w->link.why));
	else if (b->n)
		result = inject_raw(way->raw, &way->path.route, &way->path.target, b->packets, b->n,
				    w->link.why, sizeof(w->link.why));
	b->n = b->used = 0;
	return result;
}

static int wire_send(struct link *link, const struct segment *const *segments, size_t n)
{
	struct wire_link *w = (struct wire_link *)link;
	struct batch b = { .way = NULL };
	int64_t now_us = wire_now(link);

	for (size_t i = 0; i < n; i++) {
		struct way *way = find_way(w, &segments[i]->dst.addr);
		const uint8_t *header;
		size_t len;

		if (!way) {
			char text[ADDRESS_TEXT];

			snprintf(link->why, sizeof(link->why), "no way to %s was opened",
				 address_text(&segments[i]->dst.addr, text));
			return -1;
		}
		header = header_for(way, segments[i], now_us);
		if ((way != b.way || header != b.header || b.n == INJECT_BATCH ||
		     ARENA - b.used < ENCODE_MAX) &&
		    flush(w, &b))
			return -1;
		b.way = way;
		b.header = header;
		len = encode_segment(w->encoder, segments[i], w->arena + b.used, ARENA - b.used, link->why,
				     sizeof(link->why));
		if (!len)
			return -1;
		if (!header) {
			way->routed_us = now_us;
			way->routed_seq = segments[i]->seq;
			way->routed_port = segments[i]->src.port;
		}
		b.packets[b.n++] = (struct inject_packet){ w->arena + b.used, len };
		b.used += len;
	}
	return flush(w, &b);
}

/* Takes the link header of a frame of ours that the kernel built. The source MAC tells it from one that
 * somebody else sent in our name; once there is a header, the sequence number tells it from those that we
 * built with that header ourselves. */
static void learn(struct way *way, const struct port *port, const uint8_t *frame, size_t header,
		  const struct segment *s)
{
	if (way->port != port || port->out.fd < 0 || way->path.spare || header != INJECT_HEADER ||
	    memcmp(frame + 6, port->out.mac, 6) || frame[0] & 1)
		return;
	if (way->learned && (s->seq != way->routed_seq || s->src.port != way->routed_port))
		return;
	memcpy(way->header, frame, INJECT_HEADER);
	way->learned = true;
}

static const char *wire_unanswered(struct link *link, const struct address *target)
{
	const struct wire_link *w = (const struct wire_link *)link;
	const struct way *way = find_way(w, target);
	char who[ADDRESS_TEXT];

	if (!way || way->path.spare || !route_unanswered(&way->path.route, target, who))
		return NULL;
	snprintf(link->why, sizeof(link->why), "%s on %s does not answer %s: no host has it, or it is down",
		 who, way->path.route.ifname, target->family == 6 ? "neighbour discovery" : "ARP");
	return link->why;
}

/* The time of a frame in the clock of the link. The two clocks are compared anew each time, since
 * CLOCK_REALTIME may be set. */
static int64_t link_time(struct wire_link *w, int64_t real_us, int64_t now_us)
{
	int64_t t_us = real_us + now_us - clock_us(CLOCK_REALTIME);

	if (t_us > now_us)
		t_us = now_us;
	if (t_us < w->last_us)
		t_us = w->last_us;
	w->last_us = t_us;
	return t_us;
}

static void set_scope(struct address *a, unsigned ifindex)
{
	if (address_is_link_local(a))
		a->scope = ifindex;
}

/* 1 if the frame is a segment of ours or a target's, which is then in *out; 0 if not; -1 if the pcap file
 * cannot be written. */
static int accept_frame(struct wire_link *w, const struct port *port, const struct capture_frame *f,
			struct segment *out)
{
	struct decode_packet packet;
	enum decode_status status =
		decode_frame(capture_link(port->capture), f->bytes, f->captured, f->len, out, &packet);
	int64_t now_us = wire_now(&w->link);
	struct way *to, *from;

	w->captured++;
	if (status != DECODE_TCP && status != DECODE_ICMP_ERROR)
		return 0;
	set_scope(&out->src.addr, port->ifindex);
	set_scope(&out->dst.addr, port->ifindex);
	set_scope(&out->icmp.sender, port->ifindex);
	to = find_way(w, &out->dst.addr);
	from = find_way(w, &out->src.addr);
	if (!to && !from)
		return 0;
	if (to && status == DECODE_TCP && address_equal(&out->src.addr, &to->path.route.source))
		learn(to, port, f->bytes, packet.offset, out);
	out->t_us = link_time(w, f->real_us, now_us);
	out->frame = ++w->frames;
	if (w->dump && pcapfile_write(w->dump, f->real_us, f->bytes + packet.offset, packet.captured,
				      packet.len, w->link.why, sizeof(w->link.why)))
		return -1;
	return 1;
}

/* The next segment that is there already: LINK_SEGMENT or LINK_ERROR, or LINK_TIME if there is none.
 * Ports take turns, so that a busy one does not hide the others. */
static enum link_status take(struct wire_link *w, int64_t until_us, struct segment *out)
{
	for (size_t idle = 0; idle < w->n_ports;) {
		struct port *port = &w->ports[w->next_port];
		struct capture_frame f;
		int got = capture_next(port->capture, &f, w->link.why, sizeof(w->link.why));

		if (got > 0)
			got = accept_frame(w, port, &f, out);
		else if (!got) {
			idle++;
			w->next_port = (w->next_port + 1) % w->n_ports;
			continue;
		}
		if (got < 0)
			return LINK_ERROR;
		w->next_port = (w->next_port + 1) % w->n_ports;
		if (got > 0)
			return LINK_SEGMENT;
		/* Other people's segments do not end; the time may. */
		if (wire_now(&w->link) >= until_us)
			break;
		idle = 0;
	}
	return LINK_TIME;
}

static struct pollfd *watched(const struct wire_link *w)
{
	return &w->polls[w->n_ports + w->n_spares];
}

static void wire_watch(struct link *link, int fd, short events)
{
	*watched((struct wire_link *)link) = (struct pollfd){ .fd = fd, .events = events };
}

/* Sleeps until a frame, a request for a spare address, what is watched, a signal, or `until_us`. Signals are
 * let in only while asleep, so that one that comes just before is not missed. */
static int sleep_until(struct wire_link *w, int64_t now_us, int64_t until_us)
{
	struct timespec wait = { .tv_sec = LONGEST_SLEEP_S };
	sigset_t all, before;
	int ready = -1;

	if (until_us - now_us < (int64_t)LONGEST_SLEEP_S * 1000000) {
		wait.tv_sec = (until_us - now_us) / 1000000;
		wait.tv_nsec = (until_us - now_us) % 1000000 * 1000;
	}
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	if (*w->stop)
		errno = EINTR;
	else
		ready = ppoll(w->polls, w->n_ports + w->n_spares + 1, &wait, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	for (size_t i = 0; ready > 0 && i < w->n_spares; i++)
		if (w->polls[w->n_ports + i].revents)
			spare_serve(w->spares[i]);
	if (ready < 0 && errno != EINTR) {
		snprintf(w->link.why, sizeof(w->link.why), "waiting for segments failed: %s", strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < w->n_ports; i++)
		if ((!ready || w->polls[i].revents & ~POLLIN) &&
		    capture_check(w->ports[i].capture, w->link.why, sizeof(w->link.why)))
			return -1;
	return 0;
}

static enum link_status wire_receive(struct link *link, int64_t until_us, struct segment *out)
{
	struct wire_link *w = (struct wire_link *)link;

	for (;;) {
		enum link_status status;
		int64_t now_us;

		if (*w->stop) {
			*w->stop = 0;
			return LINK_INTERRUPTED;
		}
		status = take(w, until_us, out);
		if (status != LINK_TIME)
			return status;
		now_us = wire_now(link);
		if (now_us >= until_us)
			return LINK_TIME;
		if (sleep_until(w, now_us, until_us))
			return LINK_ERROR;
		if (watched(w)->revents)
			return LINK_READY;
	}
}

/* " and (port 1 or port 2)" for our ports of the paths through `port`; "" if they are too many. */
static void ports_for(const struct wire_link *w, const struct port *port, char *text, size_t len)
{
	size_t n = 0, ports = 0;

	for (size_t i = 0; i < w->n_ways; i++) {
		const struct wire_path *path = &w->ways[i].path;

		if (w->ways[i].port != port)
			continue;
		ports += path->ports_count;
		if (!path->ports_count || ports > FILTER_PORTS) {
			text[0] = '\0';
			return;
		}
		for (size_t k = 0; k < path->ports_count; k++, n = strlen(text))
			snprintf(text + n, len - n, "%sport %u", n ? " or " : " and (", path->ports[k]);
	}
	snprintf(text + n, len - n, ")");
}

/* "(tcp and (host A or host B) and (port 1 or port 2)) or icmp or icmp6" for the targets behind `port`. */
static void filter_for(const struct wire_link *w, const struct port *port, char text[FILTER_TEXT])
{
	char ports[FILTER_PORTS * 16] = "";
	const struct address *last = NULL;
	size_t n = 0;
	int at = snprintf(text, FILTER_TEXT, "(tcp and (");

	for (size_t i = 0; i < w->n_ways; i++) {
		struct address target = w->ways[i].path.target;
		char name[ADDRESS_TEXT];

		if (w->ways[i].port != port || (last && !compare_addresses(last, &target)))
			continue;
		if (++n > FILTER_TARGETS) {
			snprintf(text, FILTER_TEXT, "tcp or icmp or icmp6");
			return;
		}
		last = &w->ways[i].path.target;
		target.scope = 0;
		at += snprintf(text + at, FILTER_TEXT - (size_t)at, "%shost %s", n > 1 ? " or " : "",
			       address_text(&target, name));
	}
	ports_for(w, port, ports, sizeof ports);
	snprintf(text + at, FILTER_TEXT - (size_t)at, ")%s) or icmp or icmp6", ports);
}

/* The port of an interface, made if it is a new one. */
static struct port *port_of(struct wire_link *w, const struct route *route)
{
	struct port *port;

	for (size_t i = 0; i < w->n_ports; i++)
		if (w->ports[i].ifindex == route->ifindex)
			return &w->ports[i];
	port = &w->ports[w->n_ports++];
	*port = (struct port){ .ifindex = route->ifindex, .out.fd = -1 };
	memcpy(port->ifname, route->ifname, sizeof(port->ifname));
	return port;
}

static void add_spare(struct wire_link *w, struct spare *spare)
{
	for (size_t i = 0; i < w->n_spares; i++)
		if (w->spares[i] == spare)
			return;
	w->spares[w->n_spares++] = spare;
}

static int open_way(struct way *way, char *why, size_t why_len)
{
	if (!way->path.spare) {
		way->raw = inject_open_raw(&way->path.route, why, why_len);
		return way->raw < 0 ? -1 : 0;
	}
	if (way->port->out.fd >= 0)
		return 0;
	snprintf(why, why_len, "a spare source address needs an Ethernet interface, which %s is not",
		 way->port->ifname);
	return -1;
}

static int open_all(struct wire_link *w, const char *dump, char *why, size_t why_len)
{
	char filter[FILTER_TEXT];

	for (size_t i = 0; i < w->n_ports; i++) {
		struct port *port = &w->ports[i];

		filter_for(w, port, filter);
		port->capture = capture_open(port->ifname, filter, why, why_len);
		if (!port->capture || inject_open_port(&port->out, port->ifname, port->ifindex, why, why_len))
			return -1;
		w->polls[i] = (struct pollfd){ capture_fd(port->capture), POLLIN, 0 };
	}
	for (size_t i = 0; i < w->n_spares; i++)
		w->polls[w->n_ports + i] = (struct pollfd){ spare_fd(w->spares[i]), POLLIN, 0 };
	wire_watch(&w->link, -1, 0);
	for (size_t i = 0; i < w->n_ways; i++)
		if (open_way(&w->ways[i], why, why_len))
			return -1;
	w->encoder = encode_new(why, why_len);
	if (!w->encoder)
		return -1;
	if (dump)
		w->dump = pcapfile_create(dump, why, why_len);
	return dump && !w->dump ? -1 : 0;
}

/* Closes the packet sockets without the kernel's delay, see release.c. */
static void close_ports(struct wire_link *w)
{
	int *fds = calloc(w->n_ports, 2 * sizeof(*fds));
	int release = -1;
	size_t n = 0;

	for (size_t i = 0; fds && i < w->n_ports; i++) {
		if (w->ports[i].capture)
			fds[n++] = capture_fd(w->ports[i].capture);
		if (w->ports[i].out.fd >= 0)
			fds[n++] = w->ports[i].out.fd;
	}
	if (n)
		release = release_begin(fds, n);
	for (size_t i = 0; i < w->n_ports; i++) {
		capture_close(w->ports[i].capture);
		if (w->ports[i].out.fd >= 0)
			close(w->ports[i].out.fd);
	}
	release_end(release);
	free(fds);
}

static void close_all(struct wire_link *w)
{
	close_ports(w);
	for (size_t i = 0; i < w->n_ways; i++)
		if (w->ways[i].raw >= 0)
			close(w->ways[i].raw);
	encode_free(w->encoder);
	free(w->arena);
	free(w->polls);
	free(w->spares);
	free(w->ports);
	free(w->ways);
	free(w);
}

struct link *wire_link_open(const struct wire_path *paths, size_t n, const char *dump, volatile int *stop,
			    char *why, size_t why_len)
{
	struct wire_link *w = calloc(1, sizeof(*w));

	if (!w || !(w->ways = calloc(n, sizeof(*w->ways))) || !(w->ports = calloc(n, sizeof(*w->ports))) ||
	    !(w->spares = calloc(n, sizeof(struct spare *))) ||
	    !(w->polls = calloc(2 * n + 1, sizeof(*w->polls))) || !(w->arena = malloc(ARENA))) {
		snprintf(why, why_len, "out of memory for %zu targets", n);
		if (w)
			close_all(w);
		return NULL;
	}
	w->link = (struct link){ .now_us = wire_now,
				 .send = wire_send,
				 .receive = wire_receive,
				 .unanswered = wire_unanswered,
				 .watch = wire_watch };
	w->stop = stop;
	for (size_t i = 0; i < n; i++) {
		struct way *way = &w->ways[w->n_ways++];

		*way = (struct way){ .path = paths[i], .raw = -1 };
		set_scope(&way->path.target, way->path.route.ifindex);
		way->port = port_of(w, &way->path.route);
		if (way->path.spare)
			add_spare(w, way->path.spare);
	}
	qsort(w->ways, w->n_ways, sizeof(*w->ways), compare_ways);
	if (open_all(w, dump, why, why_len)) {
		close_all(w);
		return NULL;
	}
	return &w->link;
}

void wire_link_stats(struct link *link, struct wire_stats *stats)
{
	struct wire_link *w = (struct wire_link *)link;

	*stats = (struct wire_stats){ .captured = w->captured };
	for (size_t i = 0; i < w->n_ports; i++)
		stats->dropped += capture_dropped(w->ports[i].capture);
}

int wire_link_close(struct link *link, char *why, size_t why_len)
{
	struct wire_link *w = (struct wire_link *)link;
	int result = w->dump ? pcapfile_close(w->dump, why, why_len) : 0;

	close_all(w);
	return result;
}
