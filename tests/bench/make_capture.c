/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes a capture to measure with: so many connections, of ten segments in the mean, so many of them open
 * at a time. The same arguments give the same bytes. Every connection goes one step a second (of a round
 * trip, of a retransmission timer), the connections that are open one behind the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/checksum.h"

/* What happens in a connection: who (client or server), and what: SYN, ACK, Data, FIN, the same in small
 * letters for a repetition, G a FIN that crosses the other's, R RST, X RST,ACK. A hundred steps in all. */
static const char *const scripts[] = {
	"cS sS cA cD sA sD cA cF sA sF cA",                /* four segments close it */
	"cS sS cA cD sA sD cA sF cF sA",                   /* three */
	"cS sS cA cD sA sD cA cF sG cA sA",                /* both at the same time */
	"cS sS cA cD sA sD cA cR",                         /* reset by the client */
	"cS sX",                                           /* refused */
	"cS sS cA cD cd sA sD cA cF sF cA",                /* data lost */
	"cS cs sS cA cD sA sD cA cF sF cA",                /* SYN lost */
	"cS sS cA cD sA sD cA sX",                         /* reset by the server */
	"cS sS cA cD sA sD sD cA sD sD cA sD cA sF cF sA", /* more data */
	"cS sS cA cD sA sD cA cF cf sA sF cA",             /* FIN lost */
};

enum {
	SCRIPTS = sizeof(scripts) / sizeof(*scripts),
	STEPS_MAX = 16,
	CLIENTS = 4096,
	SERVERS = 16,
	DATA_MAX = 1448,
	SECOND_US = 1000000,
	LINK = 14,
	IP = 20,
	TCP = 20,
	ROOM = LINK + IP + TCP + 40 + DATA_MAX,
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
};

struct end {
	uint32_t next;  /* SND.NXT; 0 while nothing was sent */
	uint32_t tsval; /* its last */
};

struct connection {
	struct end ends[2];
};

static uint8_t frame[ROOM];
static uint64_t written;
static uint32_t data[2]; /* bytes in a segment with data, of client and server */

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value);
}

static void put_sum(uint8_t *field, uint64_t sum)
{
	uint16_t folded = (uint16_t)~checksum_fold(sum);

	memcpy(field, &folded, 2);
}

static struct address put_address(uint8_t *p, bool server, uint32_t number)
{
	struct address a = { .family = 4 };
	uint32_t host = server ? number % SERVERS : number % CLIENTS;

	put32(p, (server ? 0xc6130000 : 0xc6120000) + 1 + host);
	memcpy(a.bytes, p, 4);
	return a;
}

/* MSS, SACK permitted, timestamps and window scale with SYN, timestamps without; returns their length. */
static size_t put_options(uint8_t *p, bool syn, uint32_t tsval, uint32_t tsecr)
{
	static const uint8_t of_syn[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10 }, plain[] = { 1, 1, 8, 10 };
	static const uint8_t window_scale[] = { 1, 3, 3, 7 };
	size_t n = syn ? sizeof(of_syn) : sizeof(plain);

	memcpy(p, syn ? of_syn : plain, n);
	put32(p + n, tsval);
	put32(p + n + 4, tsecr);
	n += 8;
	if (syn) {
		memcpy(p + n, window_scale, sizeof(window_scale));
		n += sizeof(window_scale);
	}
	return n;
}

/* One segment of connection `number` on its way, with its headers. */
static void write_segment(uint32_t number, int from, uint32_t seq, uint32_t ack, uint8_t flags, uint32_t len,
			  uint32_t tsecr, int64_t t_us)
{
	uint8_t *ip = frame + LINK, *tcp = ip + IP;
	struct address src = put_address(ip + 12, from, number), dst = put_address(ip + 16, !from, number);
	uint16_t ports[2] = { (uint16_t)(10000 + number / CLIENTS), 80 };
	size_t options = put_options(tcp + TCP, flags & SYN, (uint32_t)(t_us / 1000), tsecr);
	size_t total = TCP + options + len;
	/* In the byte order of this machine, as the format wants it. */
	uint32_t header[4] = { (uint32_t)(t_us / SECOND_US), (uint32_t)(t_us % SECOND_US),
			       (uint32_t)(LINK + IP + total), (uint32_t)(LINK + IP + total) };

	memset(frame, 0, 12);
	frame[0] = frame[6] = 2;
	frame[from ? 11 : 5] = 1;
	put16(frame + 12, 0x0800);
	put32(ip, 0x45000000 | (uint32_t)(IP + total));
	put32(ip + 4, (uint32_t)written << 16 | 0x4000);
	put32(ip + 8, 64 << 24 | 6 << 16);
	put_sum(ip + 10, checksum_add(0, ip, IP));
	put16(tcp, ports[from]);
	put16(tcp + 2, ports[!from]);
	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	put32(tcp + 12, (uint32_t)((TCP + options) / 4) << 28 | (uint32_t)flags << 16 | 0xfaf0);
	put32(tcp + 16, 0);
	memset(tcp + TCP + options, 'a' + (int)(number % 26), len);
	put_sum(tcp + 16, checksum_add(checksum_pseudo(&src, &dst, 6, (uint32_t)total), tcp, total));
	fwrite(header, sizeof(*header), 4, stdout);
	fwrite(frame, 1, LINK + IP + total, stdout);
	written++;
}

static uint32_t first_number(uint32_t number, int from)
{
	uint32_t iss = (2 * number + (uint32_t)from + 1) * 2654435761u;

	return iss ? iss : 1;
}

/* Writes the step "cD", and keeps what later ones need. */
static void take_step(struct connection *c, uint32_t number, const char *step, int64_t t_us)
{
	int from = step[0] == 's';
	struct end *me = &c->ends[from], *peer = &c->ends[!from];
	bool again = step[1] >= 'a';
	uint8_t flags = peer->next ? ACK : 0;
	uint32_t len = 0, seq, ack = peer->next, counted;

	if (step[1] == 'S' && !again)
		me->next = first_number(number, from);
	switch (again ? step[1] - 'a' + 'A' : step[1]) {
	case 'S':
		flags |= SYN;
		break;
	case 'D':
		flags |= PSH;
		len = data[from];
		break;
	case 'G':
		ack--;
		flags |= FIN;
		break;
	case 'F':
		flags |= FIN;
		break;
	case 'R':
		flags = RST;
		ack = 0;
		break;
	case 'X':
		flags |= RST;
		break;
	}
	counted = len + !!(flags & (SYN | FIN));
	seq = again ? me->next - counted : me->next;
	me->tsval = (uint32_t)(t_us / 1000);
	write_segment(number, from, seq, ack, flags, len, peer->tsval, t_us);
	me->next = seq + counted;
}

/* The connections from `first` on, all of them open until the shortest is over. */
static void write_group(struct connection *group, uint32_t first, uint32_t count, int64_t begin_us)
{
	memset(group, 0, count * sizeof(*group));
	for (size_t step = 0; step < STEPS_MAX; step++)
		for (uint32_t i = 0; i < count; i++) {
			const char *script = scripts[(first + i) % SCRIPTS];

			if (strlen(script) > 3 * step)
				take_step(&group[i], first + i, script + 3 * step,
					  begin_us + (int64_t)step * SECOND_US + (int64_t)i * SECOND_US / count);
		}
}

/* The file's header: libpcap's magic number, version 2.4, no time zone, a generous snap length, Ethernet. */
static void write_header(void)
{
	static const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snaplen, link;
	} header = { 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1 };

	fwrite(&header, sizeof(header), 1, stdout);
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	uint32_t connections = argc == 5 ? number(argv[1]) : 0, open = argc == 5 ? number(argv[2]) : 0;
	struct connection *group = calloc(open ? open : 1, sizeof(*group));
	int64_t t_us = (int64_t)1700000000 * SECOND_US;

	for (int i = 0; i < 2 && argc == 5; i++)
		data[i] = number(argv[3 + i]);
	if (!connections || !open || data[0] > DATA_MAX || data[1] > DATA_MAX || !group) {
		fprintf(stderr, "usage: %s CONNECTIONS OPEN-AT-A-TIME REQUEST-BYTES RESPONSE-BYTES >FILE.pcap\n",
			argv[0]);
		free(group);
		return 2;
	}
	write_header();
	for (uint32_t first = 0; first < connections; first += open) {
		uint32_t count = connections - first < open ? connections - first : open;

		write_group(group, first, count, t_us);
		t_us += (STEPS_MAX + 1) * (int64_t)SECOND_US;
	}
	free(group);
	if (fflush(stdout) || ferror(stdout)) {
		perror("make_capture");
		return 1;
	}
	fprintf(stderr, "%llu segments\n", (unsigned long long)written);
	return 0;
}
