/* SPDX-License-Identifier: BSD-2-Clause */
/* A recording comes in, the same with one segment changed comes out: `mutate CHANGE FROM.pcap TO.pcap`. The
 * change is made to the first segment that it can be made to, with a checksum that fits; printed is the
 * number of its frame. Ethernet without tags, full checksums, and this machine's byte order, as tcpdump
 * writes here. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_HEADER = 24,
	RECORD = 16,
	LINK = 14,
	IPV6 = 40,
	TCP = 20,
	PORTS = 4,
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	ACK = 0x10,
};

/* A TCP segment inside the file. */
struct segment {
	uint8_t *tcp;
	size_t header, len;
};

static uint32_t get(const uint8_t *p, size_t n)
{
	uint32_t value = 0;

	while (n--)
		value = value << 8 | *p++;
	return value;
}

static void put(uint8_t *p, uint32_t value, size_t n)
{
	for (; n--; value >>= 8)
		p[n] = (uint8_t)value;
}

/* Writes 16 bits at an even offset, and what that changes in the checksum (RFC 1624, equation 3). */
static void put16(const struct segment *s, size_t offset, uint32_t value)
{
	uint32_t sum = (~get(s->tcp + 16, 2) & 0xffff) + (~get(s->tcp + offset, 2) & 0xffff) + value;

	put(s->tcp + offset, value, 2);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put(s->tcp + 16, ~sum, 2);
}

static uint8_t flags(const struct segment *s)
{
	return s->tcp[13];
}

static void set_ack(const struct segment *s, uint32_t ack)
{
	put16(s, 8, ack >> 16);
	put16(s, 10, ack & 0xffff);
}

/* ---- changes: true if this segment was changed --------------------------------------------------- */

static bool syn_ack_number(const struct segment *s)
{
	if ((flags(s) & (SYN | ACK)) != (SYN | ACK))
		return false;
	set_ack(s, get(s->tcp + 8, 4) + 1);
	return true;
}

static bool ack_bit(const struct segment *s)
{
	if (!s->len || (flags(s) & SYN))
		return false;
	put16(s, 12, get(s->tcp + 12, 2) & ~(uint32_t)ACK);
	return true;
}

static bool reserved(const struct segment *s)
{
	if (!s->len || (flags(s) & SYN))
		return false;
	put16(s, 12, get(s->tcp + 12, 2) | 0x200);
	return true;
}

/* In place of timestamps. */
static bool mss_on_data(const struct segment *s)
{
	if (!s->len || (flags(s) & SYN) || s->header != TCP + 12)
		return false;
	put16(s, TCP, 0x0204);
	put16(s, TCP + 2, 1460);
	for (size_t i = 4; i < 12; i += 2)
		put16(s, TCP + i, 0x0101);
	return true;
}

/* The first acknowledgment of the FIN that came last: some are never acknowledged. */
static bool ack_beyond_fin(const struct segment *s)
{
	static uint8_t ports[PORTS]; /* of who answers */
	static uint32_t due;
	static bool fin;

	if (fin && !memcmp(ports, s->tcp, PORTS) && !(flags(s) & RST) && get(s->tcp + 8, 4) == due) {
		set_ack(s, due + 1);
		return true;
	}
	if (flags(s) & FIN) {
		fin = true;
		due = get(s->tcp + 4, 4) + (uint32_t)s->len + 1;
		memcpy(ports, s->tcp + 2, 2);
		memcpy(ports + 2, s->tcp, 2);
	}
	return false;
}

static const struct {
	const char *name;
	bool (*change)(const struct segment *s);
} changes[] = {
	{ "syn-ack-number", syn_ack_number },
	{ "ack-bit", ack_bit },
	{ "reserved", reserved },
	{ "mss-on-data", mss_on_data },
	{ "ack-beyond-fin", ack_beyond_fin },
};

/* ---- the file ------------------------------------------------------------------------------------ */

static bool find_tcp(struct segment *s, uint8_t *frame, size_t captured)
{
	uint8_t *ip = frame + LINK;
	size_t header, total;

	if (captured < LINK + IPV6 + TCP)
		return false;
	if (get(frame + 12, 2) == 0x0800 && ip[9] == 6) {
		header = (size_t)(ip[0] & 0xf) * 4;
		total = get(ip + 2, 2);
	} else if (get(frame + 12, 2) == 0x86dd && ip[6] == 6) {
		header = IPV6;
		total = IPV6 + get(ip + 4, 2);
	} else {
		return false;
	}
	s->tcp = ip + header;
	s->header = (size_t)(s->tcp[12] >> 4) * 4;
	s->len = total - header - s->header;
	return LINK + total <= captured;
}

static uint8_t *load(const char *path, size_t *len)
{
	enum { ROOM = 64 << 20 };
	uint8_t *bytes = malloc(ROOM);
	FILE *f = fopen(path, "rb");

	if (!f || !bytes) {
		perror(path);
		exit(2);
	}
	*len = fread(bytes, 1, ROOM, f);
	fclose(f);
	return bytes;
}

int main(int argc, char **argv)
{
	size_t len, which = 0, count = sizeof(changes) / sizeof(*changes);
	unsigned frame = 0, changed = 0;
	uint8_t *bytes;
	FILE *out;

	while (argc == 4 && which < count && strcmp(argv[1], changes[which].name))
		which++;
	if (argc != 4 || which == count) {
		fprintf(stderr, "usage: %s CHANGE FROM.pcap TO.pcap\n", argv[0]);
		return 2;
	}
	bytes = load(argv[2], &len);
	for (size_t at = FILE_HEADER; at + RECORD <= len && !changed;) {
		struct segment s;
		uint32_t captured;

		memcpy(&captured, bytes + at + 8, 4);
		frame++;
		if (at + RECORD + captured > len)
			break;
		if (find_tcp(&s, bytes + at + RECORD, captured) && changes[which].change(&s))
			changed = frame;
		at += RECORD + captured;
	}
	out = fopen(argv[3], "wb");
	if (!out || fwrite(bytes, 1, len, out) != len || fclose(out)) {
		perror(argv[3]);
		return 2;
	}
	free(bytes);
	printf("%u\n", changed);
	return !changed;
}
